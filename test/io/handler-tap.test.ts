/** Damage inside one key, with `onError: 'skip'`: that key is lost, the others are not. */
import { describe, expect, test } from 'vitest';
import { ReplicantError } from '../../src/errors.js';
import { DEFAULT_LIMITS } from '../../src/rdb/limits.js';
import type { RdbEntry } from '../../src/rdb/handler.js';
import { ValueDecoder } from '../../src/rdb/value-decoder.js';
import { ValueBuilder } from '../../src/rdb/value.js';
import { concat, failureOf, inputOf, Listener } from './support.js';

/** Decodes what it hears of, as exports do. */
class Decoding extends Listener {
  override entry(entry: RdbEntry): boolean {
    const decoder = new ValueDecoder(entry.type.id, 'redis', new ValueBuilder());
    decoder.feed(entry.bytes, entry.valueStart, entry.valueEnd);
    return super.entry(entry);
  }

  override largeValue(entry: RdbEntry): ReturnType<Listener['largeValue']> {
    this.large++;
    return new ValueDecoder(entry.type.id, 'redis', new ValueBuilder()) as unknown as ReturnType<
      Listener['largeValue']
    >;
  }
}

const string = (key: string): Uint8Array => concat(`\x00${String.fromCharCode(key.length)}${key}\x01v`);
/** A sorted set of type 3 whose second score is `bad`. */
const zset = concat('\x03\x04zset\x03', '\x01a\x011', '\x01b\x03bad', '\x01c\x013');
const file = concat('REDIS0004', string('one'), zset, string('two'), '\xff');

async function salvage(limits = DEFAULT_LIMITS): Promise<{ keys: string[]; lost: ReplicantError[] }> {
  const listener = new Decoding();
  const lost: ReplicantError[] = [];
  const input = await inputOf(file, { atOnce: 1 });
  const end = await input.snapshot(listener, {
    onError: 'skip',
    onLost: (error) => lost.push(error),
    limits,
  });
  expect(end.problem).toBeUndefined();
  return { keys: listener.keys, lost };
}

describe('a damaged value', () => {
  test('that is here whole', async () => {
    const { keys, lost } = await salvage();
    expect(keys).toEqual(['0:one', '0:two']);
    expect(lost).toHaveLength(1);
    expect(lost[0]).toMatchObject({
      code: 'RDB_CORRUPT',
      place: { at: 'memory', db: 0, key: '"zset"', offset: 9 + string('one').length },
    });
  });

  test('that is handed on in pieces', async () => {
    const { keys, lost } = await salvage({ ...DEFAULT_LIMITS, inlineBytes: 2 });
    expect(keys).toEqual(['0:one', '0:two']);
    expect(lost).toMatchObject([{ place: { key: '"zset"' } }]);
  });

  test('ends the snapshot otherwise', async () => {
    const error = await failureOf(async () => (await inputOf(file)).snapshot(new Decoding()));
    expect(error).toMatchObject({ code: 'RDB_CORRUPT', place: { at: 'memory' } });
  });
});

test('what cannot be passed over ends the snapshot, and what came before stays', async () => {
  const listener = new Listener();
  const broken = concat('REDIS0004', string('one'), '\x63\x01k\x00', string('two'), '\xff');
  const lost: ReplicantError[] = [];
  const end = await (
    await inputOf(broken)
  ).snapshot(listener, { onError: 'skip', onLost: (error) => lost.push(error) });
  expect(listener.keys).toEqual(['0:one']);
  expect(end.problem).toMatchObject({ code: 'RDB_UNSUPPORTED', place: { offset: 9 + string('one').length } });
  expect(lost).toEqual([end.problem]);
});

test("an error that is not the input's is never skipped", async () => {
  class Failing extends Listener {
    override entry(): boolean {
      throw new ReplicantError('TARGET_BUSY', 'full');
    }
  }
  const error = await failureOf(async () =>
    (await inputOf(file)).snapshot(new Failing(), { onError: 'skip' }),
  );
  expect(error.code).toBe('TARGET_BUSY');
});

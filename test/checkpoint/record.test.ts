import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Checkpoint,
  CHECKPOINT_PREFIX,
  checkpointKey,
  CheckpointWriter,
  EXPIRY_MODES,
  EXPIRY_STATES,
  formatCheckpoint,
  parseCheckpoint,
} from '../../src/checkpoint/record.js';
import { ReplicantError } from '../../src/errors.js';
import { checkpoint } from './support.js';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const parse = (text: string): Checkpoint => parseCheckpoint(encode(text));

const count = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 31, 2 ** 32, 2 ** 53 - 1));
/** Any text, control characters, quotes and halves of surrogate pairs included. */
const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constant('\ud800"\\\u0000'));
const replid = fc.stringMatching(/^[0-9a-f]{40}$/u);
const anyCheckpoint: fc.Arbitrary<Checkpoint> = fc.record({
  version: fc.constant(1 as const),
  job: text,
  source: text,
  state: fc.constantFrom('loading', 'streaming'),
  replid: fc.oneof(replid, text),
  offset: count,
  db: count,
  inMulti: fc.boolean(),
  snapshot: text,
  loaded: count,
  mirror: fc.boolean(),
  owner: fc.option(fc.record({ id: text, host: text, pid: count, sinceMs: count }), { nil: undefined }),
  timeMs: count,
  expiry: fc.record({
    mode: fc.constantFrom(...EXPIRY_MODES),
    state: fc.constantFrom(...EXPIRY_STATES),
    runId: text,
    expiredKeys: count,
    clearUntilMs: count,
  }),
  refused: fc.option(fc.record({ command: text, offset: count, error: text }), { nil: undefined }),
});

test('the key says whose it is', () => {
  expect(checkpointKey('a-to-b')).toBe('__replicant:{a-to-b}:checkpoint');
  expect(checkpointKey('x').startsWith(CHECKPOINT_PREFIX)).toBe(true);
});

test('the text, as it is documented', () => {
  expect(formatCheckpoint(checkpoint())).toBe(
    '{"version":1,"job":"orders","source":"10.0.0.7:6379","state":"streaming","snapshot":"","mirror":false,' +
      '"owner":{"id":"aaaaaaaaaaaaaaaa","host":"box","pid":71,"sinceMs":1767225600000},' +
      '"expiry":{"mode":"held","state":"settled","runId":"9c0e","expiredKeys":12,"clearUntilMs":0},"refused":null,' +
      '"replid":"8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb","offset":1407,"db":3,"inMulti":false,"loaded":0,' +
      '"timeMs":1767225601234}',
  );
});

test('what is written is read back, in one line', () => {
  fc.assert(
    fc.property(anyCheckpoint, (given) => {
      const line = formatCheckpoint(given);
      expect(line).not.toContain('\n');
      expect(parse(line)).toEqual(given);
    }),
  );
});

describe('the writer', () => {
  test('gives the bytes of formatCheckpoint, and leaves them alone', () => {
    const step = fc.record({
      replid: fc.oneof(replid, text),
      offset: count,
      db: count,
      inMulti: fc.boolean(),
      timeMs: count,
    });
    fc.assert(
      fc.property(anyCheckpoint, fc.array(step, { minLength: 1, maxLength: 20 }), (given, steps) => {
        const writer = new CheckpointWriter(given);
        const written = steps.map((s) => writer.write(s.replid, s.offset, s.db, s.inMulti, s.timeMs));
        expect(written.map(decode)).toEqual(
          steps.map((s) => decode(encode(formatCheckpoint({ ...given, ...s })))),
        );
      }),
    );
  });

  test('counts a load', () => {
    fc.assert(
      fc.property(anyCheckpoint, fc.array(count, { minLength: 1, maxLength: 20 }), (given, positions) => {
        const writer = new CheckpointWriter(given);
        const written = positions.map((loaded) => writer.writeLoaded(loaded, loaded));
        expect(written.map((bytes) => parseCheckpoint(bytes))).toEqual(
          positions.map((loaded) => ({ ...given, loaded, timeMs: loaded })),
        );
      }),
    );
  });

  test('goes on when a pool is full', () => {
    const given = checkpoint({ source: 's'.repeat(30_000) });
    const writer = new CheckpointWriter(given);
    const written = Array.from({ length: 9 }, (_, at) => writer.write(given.replid, at, 0, false, at));
    expect(written.map((bytes) => parseCheckpoint(bytes).offset)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const large = new CheckpointWriter(checkpoint({ source: 's'.repeat(100_000) }));
    expect(parseCheckpoint(large.write('r', 5, 0, true, 0))).toMatchObject({ offset: 5, inMulti: true });
  });
});

describe('reading', () => {
  test('takes fields in any order, and ignores those it does not know', () => {
    const given = checkpoint({ refused: { command: 'SET', offset: 9, error: 'ERR no' } });
    const fields = Object.entries(JSON.parse(formatCheckpoint(given)) as object).toReversed();
    expect(parse(JSON.stringify({ later: [1], ...Object.fromEntries(fields) }, undefined, 2))).toEqual(given);
  });

  test('takes a text without owner and refusal', () => {
    const { owner: _owner, refused: _refused, ...rest } = checkpoint();
    expect(parse(JSON.stringify(rest))).toEqual(checkpoint({ owner: undefined }));
  });

  test('refuses a later version, whatever else it holds', () => {
    expect(failure('{"version":2,"job":7}')).toMatchObject({
      code: 'CHECKPOINT',
      exitCode: 5,
      retry: false,
      message: expect.stringContaining('newer replicant (format 2)'),
    });
  });

  test.each([
    ['', 'it is not JSON'],
    ['hello', 'it is not JSON'],
    ['[]', 'it is not an object'],
    ['null', 'it is not an object'],
    ['{}', "'version' should be"],
    ['{"version":0}', "'version' is 0"],
    ['{"version":"1"}', "'version' should be"],
  ])('%j is damaged', (line, says) => {
    const error = failure(line);
    expect(error.message).toContain(says);
    expect(error.hint).toContain('checkpoint clear');
  });

  const wrong: readonly (readonly [path: string, value: unknown])[] = [
    ...['job', 'source', 'state', 'replid', 'snapshot', 'mirror', 'inMulti', 'expiry'].flatMap((name) =>
      [undefined, null, 7].map((value) => [name, value] as const),
    ),
    ...['offset', 'db', 'loaded', 'timeMs', 'expiry.expiredKeys', 'owner.pid', 'owner.sinceMs'].flatMap(
      (name) => [undefined, null, '7', -1, 1.5, 2 ** 53].map((value) => [name, value] as const),
    ),
    ...['state', 'expiry.mode', 'expiry.state'].map((name) => [name, 'other'] as const),
    ...['owner', 'refused'].flatMap((name) => [7, 'x', []].map((value) => [name, value] as const)),
    ...['owner.id', 'owner.host', 'expiry.runId'].map((name) => [name, undefined] as const),
  ];
  test.each(wrong)('%s may not be %j', (path, value) => {
    const tree = JSON.parse(formatCheckpoint(checkpoint())) as Record<string, unknown>;
    const names = path.split('.');
    const parent = names.length === 1 ? tree : (tree[names[0]!] as Record<string, unknown>);
    parent[names.at(-1)!] = value;
    expect(failure(JSON.stringify(tree)).message).toContain(`'${path}'`);
  });

  test('of anything else is one error, never another', () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    const cut = anyCheckpoint
      .map((given) => encode(formatCheckpoint(given)))
      .chain((whole) => fc.nat(whole.length - 1).map((end) => whole.subarray(0, end)));
    const json = fc.json().map(encode);
    fc.assert(
      fc.property(fc.oneof(bytes, cut, json), (given) => {
        expect(errorOf(given)).toMatchObject({ code: 'CHECKPOINT' });
      }),
    );
  });
});

function errorOf(bytes: Uint8Array): ReplicantError {
  try {
    parseCheckpoint(bytes);
  } catch (error) {
    if (error instanceof ReplicantError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

function failure(line: string): ReplicantError {
  return errorOf(encode(line));
}

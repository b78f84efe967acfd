import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ValueToCommands,
  type CommandAbilities,
  type ValueLosses,
  type ValueToCommandsOptions,
} from '../../src/convert/value-to-commands.js';
import { ReplicantError } from '../../src/errors.js';
import { bytesOf } from '../../src/keyspace/words.js';
import type { StreamGroup, StreamId, StreamMeta, ValueVisitor } from '../../src/rdb/value-visitor.js';
import { text } from '../keyspace/support.js';

const NEWEST: CommandAbilities = {
  unlink: true,
  hsetMany: true,
  fieldTtl: true,
  xsetidFull: true,
  createConsumer: true,
};
const OLDEST: CommandAbilities = {
  unlink: false,
  hsetMany: false,
  fieldTtl: false,
  xsetidFull: false,
  createConsumer: false,
};

interface Result {
  readonly lines: string[];
  readonly commands: Uint8Array[][];
  readonly losses: Readonly<ValueLosses>;
}

function run(visit: (to: ValueVisitor) => void, options: Partial<ValueToCommandsOptions> = {}): Result {
  const commands: Uint8Array[][] = [];
  const to = new ValueToCommands({ key: bytesOf('k'), abilities: NEWEST, ...options }, (command) => {
    commands.push(command);
  });
  visit(to);
  const losses = to.finish();
  return { lines: commands.map(text), commands, losses };
}

const b = bytesOf;
const NO_LOSSES = { fieldTtls: 0, pendingWithoutOwner: 0, idleConsumers: 0 };

function plainHash(to: ValueVisitor): void {
  to.hashField(b('f'), b('v'), -1);
  to.hashField(b('g'), b('w'), -1);
}

function timedHash(to: ValueVisitor): void {
  to.hashField(b('a'), b('1'), 50);
  to.hashField(b('b'), b('2'), -1);
  to.hashField(b('c'), b('3'), 50);
  to.hashField(b('d'), b('4'), 60);
}

describe('strings', () => {
  test('one chunk is one SET', () => {
    const { lines, losses } = run((to) => {
      to.stringStart(3);
      to.stringChunk(b('abc'));
    });
    expect(lines).toEqual(['UNLINK k', 'SET k abc']);
    expect(losses).toEqual(NO_LOSSES);
  });

  test('empty, with and without an empty chunk', () => {
    const { lines } = run((to) => {
      to.stringStart(0);
      to.stringChunk(b(''));
    });
    expect(lines).toEqual(['UNLINK k', 'SET k ']);
    expect(run((to) => to.stringStart(0)).lines).toEqual(['UNLINK k', 'SET k ']);
  });

  test('chunks: room for the whole first', () => {
    const { lines } = run(
      (to) => {
        to.stringStart(6);
        for (const chunk of ['ab', '', 'cde', 'f']) to.stringChunk(b(chunk));
      },
      { expiresAtMs: 99, abilities: OLDEST },
    );
    expect(lines).toEqual([
      'DEL k',
      'SETRANGE k 5 \0',
      'SETRANGE k 0 ab',
      'SETRANGE k 2 cde',
      'SETRANGE k 5 f',
      'PEXPIREAT k 99',
    ]);
  });
});

describe('collections', () => {
  test('list, set, sorted set', () => {
    expect(run((to) => ['a', 'b'].forEach((item) => to.listItem(b(item)))).lines).toEqual([
      'UNLINK k',
      'RPUSH k a b',
    ]);
    expect(run((to) => to.setMember(b('m'))).lines).toEqual(['UNLINK k', 'SADD k m']);
    const { lines } = run((to) => {
      to.zsetMember(b('m'), 1.5);
      to.zsetMember(b('n'), -Infinity);
    });
    expect(lines).toEqual(['UNLINK k', 'ZADD k 1.5 m -inf n']);
  });

  test('a full batch goes out at once, the rest at the end', () => {
    const sent: string[] = [];
    const to = new ValueToCommands(
      { key: b('k'), abilities: NEWEST, limits: { maxArgs: 4, maxBytes: 1000 } },
      (command) => sent.push(text(command)),
    );
    ['a', 'b', 'c'].forEach((item) => to.listItem(b(item)));
    expect(sent).toEqual(['UNLINK k', 'RPUSH k a b']);
    to.finish();
    expect(sent).toEqual(['UNLINK k', 'RPUSH k a b', 'RPUSH k c']);
  });

  test('hash; many fields need HMSET below 4.0', () => {
    expect(run(plainHash).lines).toEqual(['UNLINK k', 'HSET k f v g w']);
    expect(run(plainHash, { abilities: OLDEST }).lines).toEqual(['DEL k', 'HMSET k f v g w']);
  });

  test('field TTLs follow their batch, grouped by deadline', () => {
    expect(run(timedHash).lines).toEqual([
      'UNLINK k',
      'HSET k a 1 b 2 c 3 d 4',
      'HPEXPIREAT k 50 FIELDS 2 a c',
      'HPEXPIREAT k 60 FIELDS 1 d',
    ]);
    expect(run(timedHash, { limits: { maxArgs: 6, maxBytes: 1000 } }).lines).toEqual([
      'UNLINK k',
      'HSET k a 1 b 2',
      'HPEXPIREAT k 50 FIELDS 1 a',
      'HSET k c 3 d 4',
      'HPEXPIREAT k 50 FIELDS 1 c',
      'HPEXPIREAT k 60 FIELDS 1 d',
    ]);
    const { lines, losses } = run(timedHash, { abilities: OLDEST });
    expect(lines).toEqual(['DEL k', 'HMSET k a 1 b 2 c 3 d 4']);
    expect(losses).toEqual({ ...NO_LOSSES, fieldTtls: 3 });
  });

  test('nothing visited: the key is only removed', () => {
    expect(run(() => undefined).lines).toEqual(['UNLINK k']);
  });

  test('bytes are copied: the decoder may use its buffer again', () => {
    const buffer = b('x');
    const { lines } = run((to) => {
      for (const char of 'abc') {
        buffer[0] = char.charCodeAt(0);
        to.listItem(buffer);
      }
    });
    expect(lines).toEqual(['UNLINK k', 'RPUSH k a b c']);
  });

  test('module values have no commands', () => {
    expect(() => run((to) => to.moduleValue(1n, b('')))).toThrow(ReplicantError);
  });

  test('batches of every kind keep the limits and lose nothing', () => {
    const element = fc.uint8Array({ minLength: 1, maxLength: 30 });
    const limits = { maxArgs: 12, maxBytes: 90 };
    fc.assert(
      fc.property(fc.array(fc.tuple(element, element, fc.constantFrom(-1, 5, 6))), (fields) => {
        const { commands } = run((to) => fields.forEach((field) => to.hashField(...field)), { limits });
        const sets = commands.filter((command) => text([command[0]!]) === 'HSET');
        expect(sets.flatMap((command) => command.slice(2))).toEqual(fields.flatMap(([f, v]) => [f, v]));
        for (const command of sets) {
          const bytes = command.reduce((sum, arg) => sum + arg.length, 0);
          expect(command.length <= 4 || (command.length <= 12 && bytes <= 90)).toBe(true);
        }
        const timed = commands.filter((command) => text([command[0]!]) === 'HPEXPIREAT');
        expect(timed.reduce((sum, command) => sum + command.length - 5, 0)).toBe(
          fields.filter(([, , time]) => time >= 0).length,
        );
      }),
    );
  });
});

function id(ms: number, seq = 0): StreamId {
  return { ms: BigInt(ms), seq: BigInt(seq) };
}

describe('streams', () => {
  const meta: StreamMeta = {
    length: 2,
    lastId: id(9, 1),
    firstId: id(1),
    maxDeletedId: id(3),
    entriesAdded: 5n,
    exact: true,
  };
  const group: StreamGroup = {
    name: b('g'),
    lastId: id(4),
    entriesRead: 3n,
    consumers: [
      { name: b('alice'), seenTimeMs: 1, activeTimeMs: 1 },
      { name: b('bob'), seenTimeMs: 1, activeTimeMs: -1 },
    ],
    pending: [
      { id: id(1), consumer: b('alice'), deliveryTimeMs: 100, deliveryCount: 1 },
      { id: id(2), consumer: b('alice'), deliveryTimeMs: 100, deliveryCount: 2 },
      { id: id(4), consumer: b('alice'), deliveryTimeMs: 100, deliveryCount: 1 },
      { id: id(5), consumer: undefined, deliveryTimeMs: 0, deliveryCount: 1 },
    ],
  };
  const visit = (to: ValueVisitor): void => {
    to.streamEntry(id(1), [b('f'), b('v')]);
    to.streamEntry(id(4), [b('f'), b('v'), b('g'), b('w')]);
    to.streamMeta(meta);
    to.streamGroup(group);
  };

  test('everything, for 7.0 and up', () => {
    const { lines, losses } = run(visit, { expiresAtMs: 77 });
    expect(lines).toEqual([
      'UNLINK k',
      'XADD k 1-0 f v',
      'XADD k 4-0 f v g w',
      'XSETID k 9-1 ENTRIESADDED 5 MAXDELETEDID 3-0',
      'XGROUP CREATE k g 4-0 ENTRIESREAD 3',
      'XGROUP CREATECONSUMER k g alice',
      'XGROUP CREATECONSUMER k g bob',
      'XCLAIM k g alice 0 1-0 4-0 TIME 100 RETRYCOUNT 1 FORCE JUSTID',
      'XCLAIM k g alice 0 2-0 TIME 100 RETRYCOUNT 2 FORCE JUSTID',
      'PEXPIREAT k 77',
    ]);
    expect(losses).toEqual({ ...NO_LOSSES, pendingWithoutOwner: 1 });
  });

  test('for 5.0', () => {
    const { lines, losses } = run(visit, { abilities: { ...OLDEST, unlink: true } });
    expect(lines.slice(3, 6)).toEqual([
      'XSETID k 9-1',
      'XGROUP CREATE k g 4-0',
      'XCLAIM k g alice 0 1-0 4-0 TIME 100 RETRYCOUNT 1 FORCE JUSTID',
    ]);
    expect(losses).toEqual({ ...NO_LOSSES, pendingWithoutOwner: 1, idleConsumers: 1 });
  });

  test('without entries; counters that are only derived are not set', () => {
    const { lines } = run((to) => {
      to.streamMeta({ ...meta, exact: false });
      to.streamGroup({ ...group, entriesRead: undefined, consumers: [], pending: [] });
    });
    expect(lines).toEqual([
      'UNLINK k',
      'XGROUP CREATE k _ 0-0 MKSTREAM',
      'XGROUP DESTROY k _',
      'XSETID k 9-1',
      'XGROUP CREATE k g 4-0',
    ]);
  });

  test('many pending entries are split', () => {
    const pending = Array.from({ length: 7 }, (_, at) => ({
      id: id(at + 1),
      consumer: b('c'),
      deliveryTimeMs: 1,
      deliveryCount: 1,
    }));
    const { lines } = run((to) => to.streamGroup({ ...group, consumers: [], pending }), {
      limits: { maxArgs: 14, maxBytes: 1000 },
    });
    expect(lines.filter((line) => line.startsWith('XCLAIM')).map((line) => line.split(' ').length)).toEqual([
      14, 14, 12,
    ]);
  });
});

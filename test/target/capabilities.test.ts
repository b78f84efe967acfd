/* oxlint-disable vitest/expect-expect, vitest/no-conditional-expect -- a model checks itself, as far as the case at hand goes */
import { describe, expect, test } from 'vitest';
import { atLeast, type ServerIdentity } from '../../src/rdb/server-support.js';
import { capabilitiesOf, describeCapabilities, type Capabilities } from '../../src/target/capabilities.js';

function server(text: string): ServerIdentity {
  const [family, version] = text.split(' ') as ['redis' | 'valkey', string];
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  return { family, version: [major, minor, patch] };
}

const SERVERS = [
  ...[
    '2.6.17',
    '2.8.24',
    '3.0.7',
    '3.2.13',
    '4.0.14',
    '5.0.14',
    '6.0.16',
    '6.2.16',
    '7.0.15',
    '7.2.6',
    '7.4.1',
    '8.0.6',
  ].map((version) => `redis ${version}`),
  ...[
    'redis 8.6.0',
    'redis 8.8.0',
    'valkey 7.2.4',
    'valkey 8.0.0',
    'valkey 8.1.1',
    'valkey 9.0.0',
    'valkey 9.1.2',
  ],
] as const;

/** Value type → first Redis and first Valkey whose RESTORE takes it (RDB format §11.3). */
const SINCE: readonly (readonly [
  id: number,
  dialect: 'redis' | 'valkey',
  redis?: string | undefined,
  valkey?: string | undefined,
])[] = [
  ...[0, 1, 2, 3, 4, 9, 10, 11, 12, 13].map((id) => [id, 'redis', '2.6', '7.2'] as const),
  [14, 'redis', '3.2', '7.2'],
  [5, 'redis', '4.0', '7.2'],
  // RESTORE of a module value without its module ends servers up to 6.0.
  [7, 'redis', '6.2', '7.2'],
  [15, 'redis', '5.0', '7.2'],
  ...[16, 17, 18, 19].map((id) => [id, 'redis', '7.0', '7.2'] as const),
  ...[20, 21].map((id) => [id, 'redis', '7.2', '7.2'] as const),
  ...[22, 23, 24, 25].map((id) => [id, 'redis', '7.4'] as const),
  [26, 'redis', '8.6'],
  ...[27, 28].map((id) => [id, 'redis', '8.8'] as const),
  [22, 'valkey', undefined, '9.0'],
  [21, 'valkey', '7.2', '7.2'],
  ...[6, 8, 23, 24, 29, 255].map((id) => [id, 'valkey'] as const),
  ...[6, 8, 29, 30, 31, 32, 255].map((id) => [id, 'redis'] as const),
];

function reaches(version: string, floor: string | undefined): boolean {
  if (floor === undefined) return false;
  const [[a, b], [c, d]] = [version, floor].map((text) => text.split('.').map(Number)) as [
    [number, number],
    [number, number],
  ];
  return a > c || (a === c && b >= d);
}

describe.each(SERVERS)('%s', (name) => {
  const identity = server(name);
  const can = capabilitiesOf(identity);

  test('takes the value types it knows', () => {
    for (const [id, dialect, redis, valkey] of SINCE) {
      const floor = identity.family === 'redis' ? redis : valkey;
      expect([id, dialect, can.acceptsType(id, dialect)]).toEqual([
        id,
        dialect,
        reaches(name.split(' ')[1]!, floor),
      ]);
    }
  });
});

type Ability = { [K in keyof Capabilities]: Capabilities[K] extends boolean ? K : never }[keyof Capabilities];

describe('abilities', () => {
  const FIRST: readonly (readonly [ability: Ability, last: string | undefined, first: string | undefined])[] =
    [
      ['restoreReplace', 'redis 2.8.24', 'redis 3.0.7'],
      ['restoreAbsttl', 'redis 4.0.14', 'redis 5.0.14'],
      ['setPxat', 'redis 6.0.16', 'redis 6.2.16'],
      ['unlink', 'redis 3.2.13', 'redis 4.0.14'],
      ['hsetMany', 'redis 3.2.13', 'redis 4.0.14'],
      ['flushAsync', 'redis 3.2.13', 'redis 4.0.14'],
      ['createConsumer', 'redis 6.0.16', 'redis 6.2.16'],
      ['functions', 'redis 6.2.16', 'redis 7.0.15'],
      ['xsetidFull', 'redis 6.2.16', 'redis 7.0.15'],
      ['fieldTtl', 'redis 7.2.6', 'redis 7.4.1'],
      ['fieldTtl', 'valkey 8.1.1', 'valkey 9.0.0'],
      ['setKeepTtl', 'redis 5.0.14', 'redis 6.0.16'],
      ['expireFlags', 'redis 6.2.16', 'redis 7.0.15'],
      ['popCount', 'redis 6.0.16', 'redis 6.2.16'],
      ['zaddFlags', 'redis 2.8.24', 'redis 3.0.7'],
      ['zaddGt', 'redis 6.0.16', 'redis 6.2.16'],
      ['xaddMinid', 'redis 6.0.16', 'redis 6.2.16'],
      ['xaddRefs', 'redis 8.0.6', 'redis 8.6.0'],
      ['xaddRefs', 'valkey 9.1.2', undefined],
      ['flushSync', 'redis 6.0.16', 'redis 6.2.16'],
      ['keyMetadata', 'redis 8.0.6', 'redis 8.6.0'],
      ['keyMetadata', 'valkey 9.1.2', undefined],
      ['setPxat', undefined, 'valkey 7.2.4'],
      ['functions', undefined, 'valkey 7.2.4'],
    ];

  test.each(FIRST)('%s: not %s, but %s', (ability, last, first) => {
    if (last !== undefined) expect(capabilitiesOf(server(last))[ability]).toBe(false);
    if (first !== undefined) expect(capabilitiesOf(server(first))[ability]).toBe(true);
  });
});

test('footer versions that RESTORE takes (RDB format §11.2)', () => {
  const taken = (name: string): number[] =>
    [0, 5, 6, 7, 9, 10, 11, 12, 14, 80].filter((version) =>
      capabilitiesOf(server(name)).acceptsFooter(version),
    );
  expect(taken('redis 2.8.24')).toEqual([6]);
  expect(taken('redis 3.2.13')).toEqual([0, 5, 6, 7]);
  expect(taken('redis 7.0.15')).toEqual([0, 5, 6, 7, 9, 10]);
  expect(taken('redis 8.8.0')).toEqual([0, 5, 6, 7, 9, 10, 11, 12, 14]);
  expect(taken('valkey 8.1.1')).toEqual([0, 5, 6, 7, 9, 10, 11]);
  expect(taken('valkey 9.1.2')).toEqual([5, 6, 7, 9, 10, 11, 80]);
});

test('what was found is told in a few lines', () => {
  const can = capabilitiesOf(server('redis 4.0.14'));
  expect(describeCapabilities(can)).toEqual([
    'redis 4.0.14, judged by its version: it would not say more',
    'RESTORE takes payloads up to RDB version 8, with REPLACE',
    'no TTLs of hash fields, no functions',
  ]);
  const asked = { ...capabilitiesOf(server('valkey 9.1.2')), asked: true, databases: 16, importMode: false };
  expect(describeCapabilities({ ...asked, modules: ['json'], maxBulkBytes: 512 })).toEqual([
    'valkey 9.1.2, asked what it can do',
    'RESTORE takes payloads up to RDB version 80, with REPLACE and ABSTTL',
    'TTLs of hash fields, functions',
    '16 databases',
    'modules: json',
    'arguments up to 512 bytes',
    'import-mode is there, now off',
  ]);
});

test('versions are compared part by part', () => {
  expect([
    atLeast([7, 10, 0], 7, 2),
    atLeast([10, 0, 0], 7, 2),
    atLeast([6, 9, 9], 7),
    atLeast([7, 0, 0], 7),
  ]).toEqual([true, true, false, true]);
});

import { describe, expect, test } from 'vitest';
import { resolveSyncCommand, type SyncCommandOptions } from '../../src/config/sync-command-options.js';
import { formatError, ReplicantError } from '../../src/errors.js';

const PAIR = { source: 'redis://a', target: 'redis://b' };

const MIB = 1024 * 1024;
const REPLID = '0123456789abcdef'.repeat(3).slice(0, 40);

const bytes = (text: string) => new TextEncoder().encode(text);

interface World {
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string | Uint8Array>;
  readonly terminal?: boolean;
}

function resolve(flags: Record<string, unknown>, world: World = {}): SyncCommandOptions {
  return resolveSyncCommand(flags, {
    env: world.env ?? {},
    terminal: world.terminal ?? false,
    readFile(path) {
      const content = world.files?.[path];
      if (content === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
      return typeof content === 'string' ? new TextEncoder().encode(content) : content;
    },
  });
}

function errorOf(flags: Record<string, unknown>, world: World = {}): string {
  try {
    resolve(flags, world);
  } catch (error) {
    if (error instanceof ReplicantError && error.code === 'USAGE') return formatError(error);
    throw error;
  }
  throw new Error('was accepted');
}

test('defaults', () => {
  expect(resolve(PAIR)).toEqual({
    sync: {
      name: 'a-6379-to-b-6379',
      source: { address: { kind: 'tcp', host: 'a', port: 6379 } },
      target: { address: { kind: 'tcp', host: 'b', port: 6379 } },
      until: 'stopped',
      targetNotEmpty: 'fail',
      onError: 'stop',
      onUnsupported: 'auto',
      reportFile: '.replicant/a-6379-to-b-6379/left-out.ndjson',
      filter: {
        includeKeys: [],
        excludeKeys: [],
        includeDbs: [],
        excludeDbs: [],
        includeKinds: [],
        excludeKinds: [],
        includeKeyRegexes: [],
        excludeKeyRegexes: [],
        includeCommands: [],
        excludeCommands: [],
      },
      dbMap: new Map(),
      dbPrefixes: new Map(),
      keyMap: [],
      psyncCommand: 'PSYNC',
      stateDir: '.replicant/a-6379-to-b-6379',
      spoolMemoryBytes: 24 * MIB,
      spoolMaxBytes: 64 * 1024 * MIB,
      spoolFull: 'pause',
      consistency: 'exactly-once',
      expiry: 'faithful',
      holdMarginMs: 300_000,
      takeoverAfterMs: 30_000,
      ack: 'exact',
      resumeFrom: undefined,
      targetIsCluster: false,
      crossSlot: 'carry',
      cluster: { readFrom: 'primary', parallelSnapshots: 1, workers: undefined },
    },
    dryRun: false,
    statusFile: undefined,
    http: undefined,
    logLevel: 'info',
    logFormat: 'json',
    quiet: false,
    progress: true,
    json: false,
  });
});

test('every option arrives', () => {
  const options = resolve({
    ...PAIR,
    'include-key': ['a,*', 'b*'],
    'exclude-key': 'c*',
    'include-db': ['0', '1,2'],
    'exclude-db': '9',
    'include-type': 'string,hash',
    'exclude-type': ['module'],
    'map-db': ['1=5', '2=6'],
    'include-key-regex': ['^d{1,2}:'],
    'exclude-key-regex': ['^e', 'f$'],
    'include-command': 'set,XGROUP|DESTROY',
    'exclude-command': ['PUBLISH'],
    'map-prefix': ['old:=new:', '=all:'],
    name: 'nightly',
    until: 'caught-up',
    'dry-run': true,
    'target-not-empty': 'merge',
    'on-error': 'skip',
    'on-unsupported': 'fail',
    'report-file': 'left.ndjson',
    'psync-command': 'XPSYNC',
    'state-dir': '/var/lib/nightly',
    'spool-memory': '64MiB',
    'spool-max': '2GB',
    'spool-full': 'stop',
    consistency: 'at-least-once',
    expiry: 'plain',
    'hold-margin': '90s',
    'takeover-after': '2m',
    ack: 'behind',
    'resume-from': `${REPLID.toUpperCase()}:1234:3`,
    'status-file': 's.json',
    http: '[::1]:9121',
    'log-level': 'debug',
    'log-format': 'pretty',
    'no-progress': true,
    json: true,
  });
  expect(options.sync).toMatchObject({
    name: 'nightly',
    until: 'caught-up',
    targetNotEmpty: 'merge',
    onError: 'skip',
    onUnsupported: 'fail',
    reportFile: 'left.ndjson',
    psyncCommand: 'XPSYNC',
    filter: {
      includeKeys: ['a,*', 'b*'],
      excludeKeys: ['c*'],
      includeDbs: [0, 1, 2],
      excludeDbs: [9],
      includeKinds: ['string', 'hash'],
      excludeKinds: ['module'],
      includeKeyRegexes: ['^d{1,2}:'],
      excludeKeyRegexes: ['^e', 'f$'],
      includeCommands: ['set', 'XGROUP|DESTROY'],
      excludeCommands: ['PUBLISH'],
    },
    dbMap: new Map([
      [1, 5],
      [2, 6],
    ]),
    keyMap: [
      { from: bytes('old:'), to: bytes('new:') },
      { from: bytes(''), to: bytes('all:') },
    ],
    stateDir: '/var/lib/nightly',
    spoolMemoryBytes: 64 * MIB,
    spoolMaxBytes: 2e9,
    spoolFull: 'stop',
    consistency: 'at-least-once',
    expiry: 'plain',
    holdMarginMs: 90_000,
    takeoverAfterMs: 120_000,
    ack: 'behind',
    resumeFrom: { replid: REPLID, offset: 1234, db: 3 },
  });
  expect(options).toMatchObject({
    dryRun: true,
    statusFile: 's.json',
    http: { host: '::1', port: 9121 },
    logLevel: 'debug',
    logFormat: 'pretty',
    quiet: false,
    progress: false,
    json: true,
  });
});

describe('the state directory', () => {
  test.each<[Record<string, unknown>, string | undefined]>([
    [{ name: 'nightly' }, '.replicant/nightly'],
    [{ name: 'nightly', 'state-dir': 'elsewhere' }, 'elsewhere'],
    // Nothing may be written to disk.
    [{ 'spool-max': '0' }, undefined],
    [{ 'spool-max': '0', 'state-dir': 'elsewhere' }, undefined],
  ])('%j: %s', (flags, directory) => {
    expect(resolve({ ...PAIR, ...flags }).sync.stateDir).toBe(directory);
  });

  test('as little memory as it takes', () => {
    expect(resolve({ ...PAIR, 'spool-memory': '1' }).sync.spoolMemoryBytes).toBe(4 * MIB);
  });
});

test.each(['fail', 'merge', 'flush', 'mirror'])('--target-not-empty %s', (targetNotEmpty) => {
  expect(resolve({ ...PAIR, 'target-not-empty': targetNotEmpty }).sync).toMatchObject({ targetNotEmpty });
});

describe('precedence', () => {
  const files = {
    'r.toml': 'until = "caught-up"\nname = "from-file"\ninclude-db = [1, 2]\non-error = "skip"',
  };
  const env = { REPLICANT_NAME: 'from-env', REPLICANT_INCLUDE_DB: '3, 4', REPLICANT_CONFIG: 'r.toml' };

  test.each([
    [{ config: 'r.toml' }, {}, 'from-file', [1, 2]],
    [{}, env, 'from-env', [3, 4]],
    [{ name: 'from-flag' }, env, 'from-flag', [3, 4]],
    [{ 'include-db': '5' }, env, 'from-env', [5]],
    [{ 'include-db': '5' }, { ...env, REPLICANT_NAME: '' }, 'from-file', [5]],
  ])('%j with %j', (flags, variables, name, includeDbs) => {
    const { sync } = resolve({ ...PAIR, ...flags }, { env: variables, files });
    expect(sync.name).toBe(name);
    expect(sync.filter.includeDbs).toEqual(includeDbs);
    expect([sync.until, sync.onError]).toEqual(['caught-up', 'skip']);
  });

  test('endpoints and switches may come from anywhere as well', () => {
    const options = resolve(
      { config: 'r.toml', source: undefined },
      {
        files: { 'r.toml': 'source = "redis://f1"\ntarget = "redis://f2"\njson = true\nquiet = true' },
        env: { REPLICANT_TARGET: 'redis://e2', REPLICANT_QUIET: 'no' },
      },
    );
    expect(options.sync.source.address).toMatchObject({ host: 'f1' });
    expect(options.sync.target.address).toMatchObject({ host: 'e2' });
    expect([options.json, options.quiet]).toEqual([true, false]);
  });

  test('a repeated flag that takes one value: the last one wins', () => {
    expect(resolve({ ...PAIR, name: ['x', 'y'] }).sync.name).toBe('y');
  });

  test('map-db with prefixes, from wherever', () => {
    const files = { 'r.toml': '[map-db]\n3 = 0\n4 = "0:four:"' };
    const prefixesOf = (flags: object, env = {}): [number, string][] => {
      const { sync } = resolve({ ...PAIR, ...flags }, { files, env });
      return [...sync.dbPrefixes].map(([db, prefix]) => [db, Buffer.from(prefix).toString('latin1')]);
    };
    expect(prefixesOf({ config: 'r.toml' })).toEqual([[4, 'four:']]);
    expect(prefixesOf({}, { REPLICANT_MAP_DB: '3=0:three:,0=0:zero:' })).toEqual([
      [3, 'three:'],
      [0, 'zero:'],
    ]);
    const flags = ['1=0:a=b:,2=0: c ', '3=0:\\x2c\\x00\\\\\\=', '4=0:*', '5=0'];
    expect(prefixesOf({ 'map-db': flags })).toEqual([
      [1, 'a=b:'],
      [2, ' c '],
      [3, ',\0\\='],
      [4, '*'],
    ]);
  });

  test('map-db as a table of the file', () => {
    const { sync } = resolve(
      { ...PAIR, config: 'r.toml' },
      { files: { 'r.toml': '[map-db]\n3 = 0\n4 = 1' } },
    );
    expect(sync.dbMap).toEqual(
      new Map([
        [3, 0],
        [4, 1],
      ]),
    );
  });
});

describe('mistakes name the option as its author wrote it', () => {
  test.each([
    [{ until: 'later' }, "--until: expected caught-up or stopped, got 'later'"],
    [{ until: '' }, "--until: expected caught-up or stopped, got ''"],
    [
      { 'target-not-empty': 'replace' },
      "--target-not-empty: expected one of fail, merge, flush, mirror, got 'replace'",
    ],
    [{ 'on-error': 'x' }, "--on-error: expected stop or skip, got 'x'"],
    [{ 'on-unsupported': 'ask' }, "--on-unsupported: expected one of fail, skip, report, auto, got 'ask'"],
    [{ 'include-db': 'abc' }, "--include-db: expected a number, got 'abc'"],
    [{ 'include-db': ['1', '-1'] }, "--include-db: expected a number, got '-1'"],
    [{ 'include-db': '1,' }, "--include-db: expected a number, got ''"],
    [{ 'exclude-db': '1.5' }, "--exclude-db: expected a number, got '1.5'"],
    [
      { 'map-db': '3' },
      "--map-db: expected FROM=TO with two numbers, such as 3=0, or with a prefix, such as 3=0:db3: (\\x2c is a comma in it), got '3'",
    ],
    [{ 'map-db': '3=0:' }, /^--map-db: expected FROM=TO.* got '3=0:'$/],
    [{ 'map-db': '3=0:a\\' }, /^--map-db: expected FROM=TO/],
    [{ 'map-db': '3:a=0' }, /^--map-db: expected FROM=TO/],
    [{ 'map-db': '3=0=1' }, /^--map-db: expected FROM=TO/],
    [{ 'include-type': 'text' }, /^--include-type: expected one of string, list, .*got 'text'$/],
    [{ 'include-key': '' }, '--include-key: must not be empty'],
    [{ name: '../x' }, /^--name: expected letters/],
    [{ 'psync-command': 'A B' }, "--psync-command: expected the name of a command, got 'A B'"],
    [{ 'include-key-regex': '' }, '--include-key-regex: must not be empty'],
    [{ 'exclude-key-regex': ['a', '('] }, /--exclude-key-regex.*\(/],
    [{ 'map-prefix': 'a' }, /--map-prefix.*\ba\b.*OLD=NEW/],
    [{ 'map-prefix': ['a=b', '='] }, /--map-prefix.*must not be empty/],
    [{ 'include-command': 'A B' }, "--include-command: expected the name of a command, got 'A B'"],
    [{ 'exclude-command': '' }, "--exclude-command: expected the name of a command, got ''"],
    [{ 'state-dir': '' }, '--state-dir: must not be empty'],
    [{ 'spool-memory': 'much' }, "--spool-memory: expected a size such as 64MB or 1GiB, got 'much'"],
    [{ 'spool-max': '-1' }, "--spool-max: expected a size such as 64MB or 1GiB, got '-1'"],
    [{ 'spool-full': 'drop' }, "--spool-full: expected pause or stop, got 'drop'"],
    [{ consistency: 'none' }, "--consistency: expected exactly-once or at-least-once, got 'none'"],
    [{ expiry: 'lazy' }, "--expiry: expected faithful or plain, got 'lazy'"],
    [{ 'hold-margin': '5' }, "--hold-margin: expected a time such as 30s or 5m, got '5'"],
    [{ 'takeover-after': 'soon' }, /^--takeover-after: expected a time such as 30s or 5m.*got 'soon'/],
    [{ 'takeover-after': '2s' }, /^--takeover-after: .*at least 3s, got '2s'/],
    [{ ack: 'ahead' }, "--ack: expected exact or behind, got 'ahead'"],
    [{ 'resume-from': '0123:5' }, /^--resume-from: expected REPLID:OFFSET/],
    [{ 'resume-from': `${REPLID}:-5` }, /^--resume-from: expected REPLID:OFFSET/],
    [{ http: ':9121' }, /^--http: expected HOST:PORT/],
    [{ http: 'h:99999' }, /^--http: expected HOST:PORT/],
    [{ 'log-level': 'loud' }, /^--log-level: expected one of/],
    [{ 'log-format': 'xml' }, "--log-format: expected pretty or json, got 'xml'"],
    [{ 'status-file': '' }, '--status-file: must not be empty'],
    [{ config: 'none.toml' }, '--config: cannot read none.toml: ENOENT: no such file or directory'],
    [{ config: '' }, '--config: must not be empty'],
  ])('%j', (flags, message) => {
    expect(errorOf({ ...PAIR, ...flags })).toMatch(message);
  });

  test.each([
    [{ REPLICANT_UNTIL: 'x' }, /^REPLICANT_UNTIL: expected caught-up or stopped/],
    [{ REPLICANT_JSON: 'perhaps' }, "REPLICANT_JSON: expected true or false, got 'perhaps'"],
    [{ REPLICANT_MAP_DB: '1=2,x' }, /^REPLICANT_MAP_DB: expected FROM=TO.*got 'x'$/],
  ])('%j', (env, message) => {
    expect(errorOf(PAIR, { env })).toMatch(message);
  });

  test.each([
    ['until = "x"', /^until in r\.toml: expected caught-up/],
    ['until = true', 'until in r.toml: expected a text, got true'],
    ['until = ["x"]', 'until in r.toml: expected a text, got a list'],
    ['json = "x"', "json in r.toml: expected true or false, got 'x'"],
    ['json = 1', 'json in r.toml: expected true or false, got a number'],
    ['untill = "x"', /^r\.toml: there is no option 'untill'/],
    ['config = "x"', /there is no option 'config'/],
    ['name = ', /^r\.toml: line 1, column \d+: [^\n]+$/],
  ])('%s', (toml, message) => {
    expect(errorOf({ ...PAIR, config: 'r.toml' }, { files: { 'r.toml': toml } })).toMatch(message);
  });

  test('a broken config file does not show its lines', () => {
    const files = { 'r.toml': 'source = "redis://:hush@a\nuntil = "stopped"' };
    expect(errorOf({ ...PAIR, config: 'r.toml' }, { files })).not.toContain('hush');
  });

  test.each([
    [{}, /there is no source/],
    [{ source: 'redis://a' }, /there is no target/],
    [{ source: 'redis://A:6379', target: 'a' }, /same server/],
    [{ source: 'redis://a/1', target: 'redis://a/2' }, /same server/],
    [{ source: 'unix:///x.sock', target: 'unix:///x.sock' }, /same server/],
  ])('endpoints %j', (flags, message) => {
    expect(errorOf(flags)).toMatch(message);
  });
});

describe('passwords', () => {
  const files = { pw: 'from-file\n', pw2: 'x', empty: '\n', 'r.toml': 'source-password = "from-toml"' };
  const url = { source: 'redis://:from-url@a', target: 'redis://b' };

  test.each([
    [url, {}, 'from-url'],
    [url, { REPLICANT_SOURCE_PASSWORD: 'from-env' }, 'from-url'],
    [PAIR, { REPLICANT_SOURCE_PASSWORD: 'from-env' }, 'from-env'],
    [PAIR, { REPLICANT_SOURCE_PASSWORD_FILE: 'pw' }, 'from-file'],
    [{ ...PAIR, 'source-password-file': 'pw' }, { REPLICANT_SOURCE_PASSWORD: 'from-env' }, 'from-file'],
    [{ ...PAIR, config: 'r.toml' }, {}, 'from-toml'],
    [{ ...PAIR, config: 'r.toml' }, { REPLICANT_SOURCE_PASSWORD: 'from-env' }, 'from-env'],
    [{ target: 'redis://b' }, { REPLICANT_SOURCE: 'redis://:from-env-url@a' }, 'from-env-url'],
    [PAIR, { REPLICANT_TARGET_PASSWORD: 'other' }, undefined],
  ])('%j with %j', (flags, env, password) => {
    expect(resolve(flags, { env, files }).sync.source.password).toBe(password);
  });

  test('a user name in the URL goes with a password from elsewhere', () => {
    const { sync } = resolve(
      { source: 'redis://a', target: 'redis://writer@b' },
      { env: { REPLICANT_TARGET_PASSWORD: 'p' } },
    );
    expect(sync.target).toMatchObject({ username: 'writer', password: 'p' });
  });

  test.each([
    [{ ...url, 'source-password-file': 'pw' }, {}, /given twice/],
    [PAIR, { REPLICANT_SOURCE_PASSWORD: 'a', REPLICANT_SOURCE_PASSWORD_FILE: 'pw' }, /given twice/],
    [{ ...PAIR, 'source-password-file': 'empty' }, {}, '--source-password-file: empty is empty'],
    [{ ...PAIR, 'source-password-file': 'gone' }, {}, /--source-password-file: cannot read gone/],
    [{ source: 'redis://hush@a', target: 'redis://b' }, {}, /before the @ but no password/],
  ])('refuses %j with %j', (flags, env, message) => {
    const error = errorOf(flags, { env, files });
    expect(error).toMatch(message);
    expect(error).not.toMatch(/hush|from-url/);
  });
});

describe('TLS', () => {
  const files = { ca: 'CA', cert: 'CERT', key: 'KEY' };
  const secure = { source: 'rediss://a', target: 'redis://b' };

  test('files are read, name and insecurity are passed on', () => {
    const { sync } = resolve(
      {
        ...secure,
        'source-tls-ca': 'ca',
        'source-tls-cert': 'cert',
        'source-tls-key': 'key',
        'source-tls-sni': 'cache',
        'source-tls-insecure': true,
      },
      { files },
    );
    expect(sync.source.tls).toEqual({
      ca: bytes('CA'),
      cert: bytes('CERT'),
      key: bytes('KEY'),
      serverName: 'cache',
      insecure: true,
    });
    expect(sync.target.tls).toBeUndefined();
  });

  test.each([
    [{ ...secure, 'source-tls-cert': 'cert' }, /given together/],
    [{ ...secure, 'source-tls-ca': 'gone' }, /^--source-tls-ca: cannot read gone/],
    [
      { ...secure, 'target-tls-ca': 'ca' },
      /^--target-tls-ca: the target is not reached over TLS — write rediss:/,
    ],
    [{ ...PAIR, 'source-tls-insecure': true }, /^--source-tls-insecure: the source is not reached over TLS/],
  ])('refuses %j', (flags, message) => {
    expect(errorOf(flags, { files })).toMatch(message);
  });
});

describe('databases in the URLs', () => {
  test.each([
    [{ source: 'redis://a/3', target: 'redis://b' }, [3], []],
    [{ source: 'redis://a/3', target: 'redis://b/5' }, [3], [[3, 5]]],
    [{ source: 'redis://a', target: 'redis://b/5', 'include-db': '2' }, [2], [[2, 5]]],
    [{ source: 'redis://a/3', target: 'redis://b/5', 'include-db': '3', 'map-db': '3=5' }, [3], [[3, 5]]],
  ])('%j', (flags, include, map) => {
    const { sync } = resolve(flags);
    expect(sync.filter.includeDbs).toEqual(include);
    expect([...sync.dbMap]).toEqual(map);
  });

  test.each([
    [{ source: 'redis://a', target: 'redis://b/5' }, /target names database 5/],
    [{ source: 'redis://a', target: 'redis://b/5', 'include-db': '1,2' }, /target names database 5/],
    [{ source: 'redis://a/3', target: 'redis://b', 'include-db': '4' }, /source names database 3/],
    [{ source: 'redis://a/3', target: 'redis://b', 'exclude-db': '3' }, /nothing is left/],
    [{ source: 'redis://a/3', target: 'redis://b/5', 'map-db': '3=6' }, /both 6 and 5/],
    [{ ...PAIR, 'map-db': ['3=6', '3=7'] }, /both 6 and 7/],
    [{ ...PAIR, 'map-db': ['3=6:a:', '3=6'] }, /database 3 has two prefixes/],
    [{ ...PAIR, 'map-db': ['3=6:a:', '4=6:b:', '3=6:b:'] }, /database 3 has two prefixes/],
  ])('refuses %j', (flags, message) => {
    expect(errorOf(flags)).toMatch(message);
  });
});

test.each([
  [{ quiet: true }, 'warn', false],
  [{ quiet: true, 'log-level': 'debug' }, 'warn', false],
  [{ quiet: true, 'log-level': 'error' }, 'error', false],
  [{ 'no-progress': true }, 'info', false],
])('%j', (flags, logLevel, progress) => {
  expect(resolve({ ...PAIR, ...flags })).toMatchObject({ logLevel, progress });
});

test('the log is pretty on a terminal unless told otherwise', () => {
  expect(resolve(PAIR, { terminal: true }).logFormat).toBe('pretty');
  expect(resolve({ ...PAIR, 'log-format': 'json' }, { terminal: true }).logFormat).toBe('json');
});

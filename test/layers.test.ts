/** Layers point one way: reads the imports of all sources and fails on an upward one. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

interface Import {
  readonly file: string;
  /** A path below src, or a package's name. */
  readonly to: string;
  readonly inside: boolean;
  readonly typeOnly: boolean;
}

/** What answers about topology mean, which `net` looks for servers by. */
const PURE_TOPOLOGY = [
  'topology/build-cluster-map.ts',
  'topology/cluster-map.ts',
  'topology/cluster-nodes.ts',
  'topology/cluster-shards.ts',
  'topology/cluster-slots.ts',
  'topology/reply-fields.ts',
];

/** From the bottom up; a file may import from its own row and from those above it here. */
const ROWS: readonly (readonly string[])[] = [
  ['errors.ts', 'types.ts', 'bytes'],
  ['resp', 'rdb', 'rdb.ts', 'keyspace'],
  ['convert', 'replication', ...PURE_TOPOLOGY],
  ['net', 'topology/read-cluster-map.ts'],
  ['topology'],
  ['target', 'checkpoint', 'replication/link.ts', 'io', 'spool'],
  ['sync', 'verify', 'inspect', 'archive', 'export', 'restore'],
  ['observe', 'config'],
  ['cli', 'index.ts'],
];
const PURE = ['bytes', 'resp', 'rdb', 'rdb.ts', 'keyspace', 'convert', ...PURE_TOPOLOGY];
const isPure = (file: string): boolean => PURE.includes(file) || PURE.includes(file.split('/')[0]!);
/** Packages that know nothing of the machine either. */
const PURE_PACKAGES: readonly string[] = [];
/** Shapes that several layers speak of; only their types may be used below. */
const SHARED_TYPES = ['sync/options.ts', 'sync/status.ts', 'net/endpoint.ts'];
/** Package → where it may be imported. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  yargs: ['cli'],
  zod: ['config'],
  'smol-toml': ['config'],
  pino: ['observe', 'cli'],
  'pino-pretty': ['observe', 'cli'],
  lz4js: ['io', 'spool'],
};

function sourceFiles(): string[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => file.replaceAll('\\', '/'))
    .toSorted();
}

const STATEMENT = /^(?:import|export)\s+(type\s)?(?:[^;'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const found = [
    ...[...text.matchAll(STATEMENT)].map(([, type, to]) => ({ to: to!, typeOnly: type !== undefined })),
    ...[...text.matchAll(DYNAMIC)].map(([, to]) => ({ to: to!, typeOnly: false })),
  ];
  return found.map(({ to, typeOnly }) => {
    const inside = to.startsWith('.');
    const path = relative(SRC, join(SRC, dirname(file), to)).replaceAll('\\', '/');
    return { file, to: inside ? path.replace(/\.js$/, '.ts') : to, inside, typeOnly };
  });
}

function rowOf(file: string): number {
  const exact = ROWS.findIndex((row) => row.includes(file));
  return exact >= 0 ? exact : ROWS.findIndex((row) => row.includes(file.split('/')[0]!));
}

const files = sourceFiles();
const imports = files.flatMap(importsOf);
const show = ({ file, to }: Import): string => `${file} → ${to}`;

test('the sources were seen, and so were their imports', () => {
  expect(files.length).toBeGreaterThan(80);
  expect(imports.length).toBeGreaterThan(2 * files.length);
  for (const { to } of imports.filter(({ inside }) => inside)) expect(files).toContain(to);
  expect(
    Object.keys(HOMES).filter((name) => !imports.some(({ to }) => to === name || to.startsWith(`${name}/`))),
  ).toEqual([]);
});

test('every file has a layer', () => {
  expect(files.filter((file) => rowOf(file) < 0)).toEqual([]);
});

test('no import points upwards', () => {
  const upward = imports.filter(
    ({ file, to, inside, typeOnly }) =>
      inside && rowOf(to) > rowOf(file) && !(typeOnly && SHARED_TYPES.includes(to)),
  );
  expect(upward.map(show)).toEqual([]);
});

test('pure layers know nothing of the machine', () => {
  const impure = imports.filter(
    ({ file, to, inside }) => isPure(file) && !inside && !PURE_PACKAGES.includes(to),
  );
  expect(impure.map(show)).toEqual([]);
  for (const file of files.filter(isPure)) {
    const code = readFileSync(join(SRC, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    expect([
      file,
      /\bBuffer\b|\bprocess\.|\bDate\.now\b|\bMath\.random\b|\bconsole\./.exec(code)?.[0],
    ]).toEqual([file, undefined]);
  }
});

describe('packages stay in their place', () => {
  test.each(Object.entries(HOMES))('%s only in %j', (name, homes) => {
    const strays = imports.filter(
      ({ file, to }) => (to === name || to.startsWith(`${name}/`)) && !homes.includes(file.split('/')[0]!),
    );
    expect(strays.map(show)).toEqual([]);
  });

  test('only packages with a place are used', () => {
    const others = imports.filter(
      ({ to, inside }) =>
        !inside && !to.startsWith('node:') && !Object.keys(HOMES).includes(to.split('/')[0]!),
    );
    expect(others.map(show)).toEqual([]);
  });
});

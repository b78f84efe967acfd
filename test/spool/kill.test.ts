/**
 * A process that fills a spool is killed at some moment: what it had said to be written is there, and what is
 * there is right. Then the next one goes on with it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSpool } from '../../src/spool/spool.js';
import { contentAt, newFolder, readRange } from './support.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ROUNDS = 20;
const PIECE = 30_011;
let built = '';

beforeAll(() => {
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  built = mkdtempSync(join(ROOT, '.cache', 'spool-'));
  cpSync(join(ROOT, 'package.json'), join(built, 'package.json'));
  writeFileSync(
    join(built, 'tsconfig.json'),
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: { rootDir: join(ROOT, 'src'), outDir: join(built, 'dist'), typeRoots: [TYPES] },
      include: [
        join(ROOT, 'src', 'spool'),
        join(ROOT, 'src', 'io', '*.d.ts'),
        join(ROOT, 'src', 'bytes', '*.d.ts'),
      ],
    }),
  );
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', built], { encoding: 'utf8' });
  // Types are the business of the type check.
  if (!existsSync(join(built, 'dist', 'spool', 'spool.js'))) throw new Error(`it does not build:\n${stdout}`);
  writeFileSync(join(built, 'child.mjs'), CHILD);
});

afterAll(() => rmSync(built, { recursive: true, force: true }));

const TYPES = join(ROOT, 'node_modules', '@types');

/** Goes on with the spool it finds, and says all the time how far it has come. */
const CHILD = `
import { writeSync } from 'node:fs';
import { openSpool } from './dist/spool/spool.js';
const [dir, content] = process.argv.slice(2);
const contentAt = new Function('from', 'to', content);
const { spool, snapshot, stream } = await openSpool({
  dir, memoryBytes: 8 << 20, maxBytes: 1e9, onEvent() {}, onRoom() {},
}, { segmentBytes: 400000, batchMs: 2 });
if (!snapshot) spool.snapshot.begin({ id: 'x' }, 0);
if (!stream) spool.stream.begin({ id: 'y' }, 1e12);
for (;;) {
  for (const log of [spool.snapshot, spool.stream]) {
    if (spool.blocked) continue;
    const { end } = log;
    log.append(contentAt(end, end + ${PIECE}), 0, ${PIECE}, Date.now());
  }
  // Done before anything else can happen: what is said is true.
  writeSync(1, spool.snapshot.written + ' ' + spool.stream.written + '\\n');
  if (spool.stream.end - spool.stream.start > 5e6) spool.stream.release(spool.stream.end - 1e6);
  await new Promise((resolve) => setTimeout(resolve, 1));
}
`;

async function runAndKill(dir: string, afterMs: number): Promise<[number, number]> {
  const body = `return (${contentAt.toString()})(from, to)`;
  const child = spawn(process.execPath, [join(built, 'child.mjs'), dir, body], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out = { said: '', errors: '' };
  child.stdout.on('data', (bytes: Buffer) => (out.said += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (out.errors += bytes.toString()));
  const closed = new Promise((resolve) => child.once('close', resolve));
  while (out.said === '' && child.exitCode === null) await sleep(2);
  await sleep(afterMs);
  child.kill('SIGKILL');
  await closed;
  expect(out.errors).toBe('');
  const [snapshot, stream] = out.said.trim().split('\n').at(-1)!.split(' ').map(Number);
  return [snapshot!, stream!];
}

test('nothing that was written is lost, whenever it is killed', async () => {
  const dir = newFolder();
  let last = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const afterMs = Math.floor(Math.random() * 120);
    const [snapshotWritten, streamWritten] = await runAndKill(dir, afterMs);
    const why = `round ${round}, killed after ${afterMs} ms`;
    const options = { dir, memoryBytes: 8 << 20, maxBytes: 1e9, onEvent: () => {}, onRoom: () => {} };
    const { spool, snapshot, stream } = await openSpool(options);
    const kept = [(snapshot?.end ?? 0) >= snapshotWritten, (stream?.end ?? 1e12) >= streamWritten];
    expect([why, ...kept]).toEqual([why, true, true]);
    for (const log of [spool.snapshot, spool.stream]) {
      if (!log.open) continue;
      const bytes = await readRange(log, log.start, log.end, 100_000);
      expect([why, Buffer.compare(bytes, contentAt(log.start, log.end))]).toEqual([why, 0]);
    }
    expect([why, spool.snapshot.end >= last]).toEqual([why, true]);
    last = spool.snapshot.end;
    await spool.close();
  }
  expect(last).toBeGreaterThan(PIECE * ROUNDS);
});

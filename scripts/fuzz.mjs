/**
 * Bad input on purpose, against the built decoder:
 *
 *   npm run fuzz -- [--minutes N] [--seed S] [--phase PHASE] [--from CASE] [--cases-dir DIR]
 *
 * sound     the good files that are damaged later, which must be read without an error
 * cuts      every small file cut short at every byte, and one bit of every byte flipped
 * flips     every small file with every bit flipped
 * places    every small file with every telling byte and length written at every place
 * random    one to six random damages, in values, small files and the corpus, until the time is up
 *
 * Without --phase all, in this order. A seed and a case number repeat a case: the line that reports a
 * finding says how. Findings are written to .cache/fuzz. Exit code 1 when there were any.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { watch } from './fuzz/watch.mjs';

const PHASES = ['sound', 'cuts', 'flips', 'places', 'random'];
const HERE = fileURLToPath(new URL('..', import.meta.url));

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    phase: { type: 'string' },
    from: { type: 'string', default: '0' },
    'cases-dir': { type: 'string', default: join(HERE, '.cache', 'fuzz') },
  },
});
const seed = numberOf('seed');
const from = numberOf('from');
const end = Date.now() + numberOf('minutes') * 60_000;
if (values.phase !== undefined && !PHASES.includes(values.phase))
  fail(`--phase is one of ${PHASES.join(', ')}`);

let found = 0;
for (const phase of PHASES.filter((name) => values.phase === undefined || values.phase === name)) {
  const seconds = (end - Date.now()) / 1000;
  if (seconds <= 0) break;
  const { cases, peakBytes, findings } = await watch({ phase, seed, seconds, from });
  const memory = `${Math.round(peakBytes / 2 ** 20)} MiB at most`;
  console.log(`${phase}: ${cases} cases, ${findings.length} findings, ${memory} (seed ${seed})`);
  for (const finding of findings) report(finding);
  found += findings.length;
}
process.exitCode = found > 0 ? 1 : 0;

/** @param {import('./fuzz/watch.mjs').Finding} finding */
function report({ phase, number, name, why, bytes }) {
  console.log(`\n${name}\n  ${why.replaceAll('\n', '\n  ')}`);
  console.log(`  again: npm run fuzz -- --phase ${phase} --seed ${seed} --from ${number}`);
  if (bytes === undefined) return;
  const dir = values['cases-dir'];
  mkdirSync(dir, { recursive: true });
  const file = join(dir, `${phase}-${seed}-${number}.bin`);
  writeFileSync(file, bytes);
  console.log(`  bytes: ${file}`);
}

/** @param {'minutes' | 'seed' | 'from'} name */
function numberOf(name) {
  const value = Number(values[name]);
  if (!Number.isFinite(value) || value < 0) fail(`--${name} must be a number`);
  return value;
}

/** @param {string} line @returns {never} */
function fail(line) {
  console.error(line);
  process.exit(2);
}

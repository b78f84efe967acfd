/** The server's own benchmark tool writes as fast as it can; how far behind is the target when it ends? */
import { timeToVisible } from '../demo/probe.mjs';
import { digest } from '../lib/compare.mjs';
import { run } from '../lib/run.mjs';
import { withLivePair } from './live-pair.mjs';
import { digestOfData } from './measure.mjs';

const TESTS = ['set', 'incr', 'lpush', 'hset', 'zadd'];
const TIMEOUT_MS = 600_000;
const WATCH_MS = 500;

/**
 * @typedef {object} StreamResult
 * @property {number} commands
 * @property {number} loadSeconds how long the load took
 * @property {number} commandsPerSecond offered
 * @property {number} behindSeconds from its end until the last write was on the target
 * @property {number} toolCpuPerMillion seconds; 0 for the server's own
 * @property {number} targetCpuPerMillion seconds
 * @property {number} maxLagBytes as the tool said; 0 for the server's own
 * @property {boolean} equal
 */

/**
 * Runs the server's own benchmark tool with 50 connections and pipelines of 32 commands.
 * @param {readonly string[]} benchmark
 * @param {number} port
 * @param {number} perTest
 * @param {readonly (string | number)[]} [what] the five kinds unless told otherwise
 */
export async function runLoad(benchmark, port, perTest, what = ['-t', TESTS.join(','), '-r', 1_000_000]) {
  const [program = '', ...rest] = benchmark;
  const args = ['-h', '127.0.0.1', '-p', port, '-n', perTest, '-P', 32, '-c', 50, '-q', ...what];
  const result = await run(program, [...rest, ...args.map(String)], { timeoutMs: TIMEOUT_MS });
  if (result.code !== 0) throw new Error(`the benchmark tool failed: ${result.stderr.trim()}`);
}

/** @param {import('./live-pair.mjs').LivePair} pair */
function watchLag(pair) {
  const seen = { maxBytes: 0 };
  const timer = setInterval(() => {
    seen.maxBytes = Math.max(seen.maxBytes, pair.status()?.shards?.[0]?.lagBytes ?? 0);
  }, WATCH_MS);
  return { seen, stop: () => clearInterval(timer) };
}

/**
 * @param {import('../servers.mjs').ServerBinary} binary
 * @param {'native' | 'ours'} way
 * @param {number} perTest commands of each of the five kinds
 * @param {readonly string[]} [args] of the tool
 * @returns {Promise<StreamResult>}
 */
export function measureStream(binary, way, perTest, args = []) {
  const { benchmarkCommand } = binary;
  if (benchmarkCommand === undefined) throw new Error(`there is no benchmark tool beside ${binary.id}`);
  const use = async (/** @type {import('./live-pair.mjs').LivePair} */ pair) => {
    const [a, b] = await Promise.all([
      pair.source.client({ timeoutMs: TIMEOUT_MS }),
      pair.target.client({ timeoutMs: TIMEOUT_MS }),
    ]);
    const before = { tool: pair.toolCpu(), target: pair.targetCpu() };
    const lag = watchLag(pair);
    const startedMs = performance.now();
    await runLoad(benchmarkCommand, pair.source.port, perTest);
    const loadSeconds = (performance.now() - startedMs) / 1000;
    const isOver = () => pair.failure() !== undefined;
    const behindMs = await timeToVisible(a, b, 'bench:last', 'x', {
      timeoutMs: TIMEOUT_MS,
      pauseMs: 1,
      isOver,
    });
    lag.stop();
    const failure = pair.failure();
    if (failure !== undefined) throw new Error(failure);
    const commands = perTest * TESTS.length;
    const perMillion = (/** @type {number} */ seconds) => (seconds / commands) * 1e6;
    const toolCpu = pair.toolCpu() - before.tool;
    const targetCpu = pair.targetCpu() - before.target;
    await pair.stop();
    const equal = (await digest(a)) === (await digestOfData(b));
    await Promise.all([a.close(), b.close()]);
    return {
      commands,
      loadSeconds,
      commandsPerSecond: commands / loadSeconds,
      behindSeconds: behindMs / 1000,
      toolCpuPerMillion: perMillion(toolCpu),
      targetCpuPerMillion: perMillion(targetCpu),
      maxLagBytes: lag.seen.maxBytes,
      equal,
    };
  };
  return withLivePair(binary, way, use, { args });
}

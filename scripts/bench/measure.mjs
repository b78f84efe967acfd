/** Small things every benchmark needs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readUsage } from '../demo/process-usage.mjs';
import { digest } from '../lib/compare.mjs';
import { infoField } from '../workload/abilities.mjs';

/** @typedef {import('../lib/client.mjs').Client} Client */

/** @param {readonly number[]} values @returns {number} NaN when there are none */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * @param {() => Promise<boolean>} check
 * @param {{timeoutMs: number, what: string, everyMs?: number}} options
 */
export async function until(check, { timeoutMs, what, everyMs = 10 }) {
  const deadline = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await sleep(everyMs);
  }
}

/** @param {Client} client @returns {Promise<number>} over all databases; answered while loading, too */
export async function keyCount(client) {
  const info = await client.text('INFO', 'keyspace');
  return [...info.matchAll(/keys=(\d+)/g)].reduce((sum, match) => sum + Number(match[1]), 0);
}

/** @param {Client} client @param {string} field @returns {Promise<string>} of INFO replication, '' when absent */
export async function replicationField(client, field) {
  return infoField(await client.text('INFO', 'replication'), field) ?? '';
}

/**
 * The digest of a target without the checkpoints of syncs, which it removes: none may be running.
 * @param {Client} client
 * @returns {Promise<string>}
 */
export async function digestOfData(client) {
  const ours = await client.call('KEYS', '__replicant:*');
  if (ours.length > 0) await client.call('DEL', ...ours);
  return await digest(client);
}

/** CPU seconds of a server and of the processes it forked. @param {number | undefined} pid @returns {number} */
export function serverCpu(pid) {
  const usage = readUsage(pid);
  return usage === undefined ? Number.NaN : usage.cpuSeconds + usage.childCpuSeconds;
}

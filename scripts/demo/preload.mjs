/** A few ten thousand ordinary keys, so that the full sync has something to do. */
import { createRandom } from '../workload/random.mjs';

/** @typedef {import('../workload/abilities.mjs').Arg} Arg */

const BATCH = 1000;

/** @param {import('../workload/random.mjs').Random} random @param {number} i @returns {Arg[]} */
function ordinaryKey(random, i) {
  const items = (/** @type {string} */ prefix) =>
    Array.from({ length: random.between(2, 20) }, () => `${prefix}${random.int(1e6)}`);
  switch (i % 8) {
    case 0:
      return [
        'HSET',
        `user:${i}`,
        'name',
        `name-${random.int(1e6)}`,
        'visits',
        String(random.int(500)),
        'about',
        'lorem ipsum '.repeat(random.int(8)),
      ];
    case 1:
      return ['RPUSH', `queue:${i}`, ...items('job-')];
    case 2:
      return ['SADD', `tags:${i}`, ...items('tag-')];
    case 3:
      return [
        'ZADD',
        `board:${i}`,
        ...items('player-').flatMap((name) => [String(random.int(1e5) / 8), name]),
      ];
    case 4:
      return ['XADD', `events:${i}`, '1-1', 'kind', 'created', 'by', `user:${random.int(1e5)}`];
    case 5:
      return [
        'SET',
        `session:${i}`,
        random.bytes(random.between(50, 400)),
        'EX',
        String(random.between(3600, 90_000)),
      ];
    default:
      return ['SET', `page:${i}`, 'some text that compresses well '.repeat(random.between(1, 20))];
  }
}

/**
 * @param {import('../workload/abilities.mjs').Caller} client left on database 0
 * @param {{seed: number, keys: number, dbs: readonly number[]}} options
 */
export async function preload(client, { seed, keys, dbs }) {
  const random = createRandom(seed);
  for (let done = 0; done < keys; done += BATCH) {
    const db = dbs[(done / BATCH) % dbs.length] ?? 0;
    const commands = Array.from({ length: Math.min(BATCH, keys - done) }, (_, i) =>
      ordinaryKey(random, done + i),
    );
    await client.pipeline([['SELECT', String(db)], ...commands]);
  }
  await client.call('SELECT', '0');
}

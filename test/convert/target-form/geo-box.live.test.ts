/**
 * GEOSEARCHSTORE … BYBOX by a script, for targets that have none: the same points as the server finds, at the same
 * distances but for the last digit, which is the math library's.
 */
import { describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import { createRandom, freshSeed } from '../../../scripts/workload/random.mjs';
import { toTargetForm } from '../../../src/convert/target-form/to-target-form.js';
import { binaryOf, ServerPool } from '../../support/server-pool.js';
import { argsOf, context, type Word } from './support.js';

type Random = ReturnType<typeof createRandom>;

const SEED = Number(process.env['REPLICANT_TEST_SEED'] ?? freshSeed());
const POINTS = 400;
const QUERIES = 150;
const pool = new ServerPool();
const old = binaryOf('redis-6.0');

function places(random: Random, count: number, name: string, lon: number, lat: number): Word[] {
  return Array.from({ length: count }, (_, i) => [
    ((random.next() * 2 - 1) * lon).toFixed(6),
    ((random.next() * 2 - 1) * lat).toFixed(6),
    `${name}${i}`,
  ]).flat();
}

function query(random: Random, to: string): Word[] {
  const place = [(random.next() * 340 - 170).toFixed(3), (random.next() * 160 - 80).toFixed(3)];
  const center = random.chance(0.5) ? ['FROMMEMBER', `far${random.int(POINTS)}`] : ['FROMLONLAT', ...place];
  const unit = random.pick(['m', 'km', 'ft', 'mi']);
  const width = 1 + random.int(unit === 'km' || unit === 'mi' ? 9000 : 5_000_000);
  const height = Math.ceil(width * random.next() * 1.5);
  const order = random.chance(0.5) ? [random.pick(['ASC', 'DESC'])] : [];
  const count = random.chance(0.4) ? ['COUNT', 1 + random.int(20)] : [];
  const dist = random.chance(0.5) ? ['STOREDIST'] : [];
  return ['GEOSEARCHSTORE', to, 'g', ...center, 'BYBOX', width, height, unit, ...order, ...count, ...dist];
}

async function members(client: Client, key: string): Promise<Map<string, number>> {
  const flat: string[] = await client.text('ZRANGE', key, '0', '-1', 'WITHSCORES');
  return new Map(
    Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at]!, Number(flat[2 * at + 1])]),
  );
}

describe.each(['redis-7.0', 'redis-8.0', 'valkey-8.1', 'valkey-9.1'])('as %s does it', (series) => {
  const binary = binaryOf(series);

  test.skipIf(binary === undefined || old === undefined)(`seed ${SEED}`, async () => {
    const a = await pool.client(await pool.start(binary!));
    const b = await pool.client(await pool.start(old!));
    const random = createRandom(SEED);
    const points = [...places(random, POINTS, 'far', 179, 84), ...places(random, 100, 'near', 0.5, 0.5)];
    for (const client of [a, b]) await client.call('GEOADD', 'g', ...points.map(String));
    const to = context('redis-6.0', series);
    let found = 0;
    for (let round = 0; round < QUERIES; round++) {
      const step = query(random, 'd');
      await a.call(...step.map(String));
      const [command] = toTargetForm(argsOf(step), to)!.commands;
      await b.call(...command!);
      const [theirs, ours] = await Promise.all([members(a, 'd'), members(b, 'd')]);
      expect([step, [...ours.keys()].toSorted()]).toEqual([step, [...theirs.keys()].toSorted()]);
      for (const [member, score] of theirs)
        expect(Math.abs(ours.get(member)! - score)).toBeLessThanOrEqual(score * 1e-13);
      found += ours.size;
    }
    expect(found).toBeGreaterThan(QUERIES);
  });
});

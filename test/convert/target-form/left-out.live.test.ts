/** Keys that were left out because the target can't hold them: what is renamed or copied from them is left out, too. */
import { describe, expect, test } from 'vitest';
import { toTargetForm } from '../../../src/convert/target-form/to-target-form.js';
import { binaryOf, ServerPool } from '../../support/server-pool.js';
import { argsOf, context } from './support.js';

const pool = new ServerPool();

describe.each(['redis-6.0', 'redis-7.0', 'valkey-8.0', 'valkey-9.1'])('on %s', (series) => {
  const binary = binaryOf(series);

  test.skipIf(binary === undefined)(
    'a destination goes when there is no source, and else is made',
    async () => {
      const client = await pool.client(await pool.start(binary!));
      const to = context(series, 'redis-8.0');
      const run = async (...step: (string | number)[]): Promise<void> => {
        const args = argsOf(step);
        for (const command of toTargetForm(args, to)?.commands ?? [args]) await client.call(...command);
      };
      await client.pipeline([
        ['MSET', 'here', '1', 'a', 'old', 'b', 'old', 'd', 'old'],
        ['SELECT', 3],
        ['SET', 'c', 'old'],
        ['SELECT', 0],
      ]);
      await run('RENAME', 'gone', 'a');
      await run('COPY', 'gone', 'b', 'REPLACE');
      await run('COPY', 'gone', 'c', 'DB', 3, 'REPLACE');
      await run('RENAMENX', 'gone', 'e');
      await run('COPY', 'here', 'there', 'DB', 3);
      await run('COPY', 'here', 'd', 'REPLACE');
      await run('RENAME', 'here', 'renamed');
      const keys = async (db: number): Promise<string[]> => {
        await client.call('SELECT', db);
        const found: string[] = await client.text('KEYS', '*');
        return found.toSorted();
      };
      expect(await keys(3)).toEqual(['there']);
      expect(await keys(0)).toEqual(['d', 'renamed']);
      expect(await client.text('MGET', 'd', 'renamed')).toEqual(['1', '1']);
    },
  );
});

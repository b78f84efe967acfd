/* oxlint-disable vitest/no-conditional-expect -- what a server can do depends on which it is */
/** The probe on every server there is: it finds what the version says, and writes nothing. */
import { describe, expect, test } from 'vitest';
import { Client } from '../../src/net/client.js';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';
import { parseServerName } from '../../src/rdb/server-support.js';
import { capabilitiesOf, describeCapabilities, type Capabilities } from '../../src/target/capabilities.js';
import { probeTarget } from '../../src/target/probe-target.js';
import { BUILTIN_COMMANDS } from '../../src/keyspace/command-table.js';
import { BINARIES, ServerPool } from '../support/server-pool.js';

const pool = new ServerPool();

const FLAGS = Object.entries(capabilitiesOf(parseServerName('redis-8.0')))
  .filter(([, value]) => typeof value === 'boolean')
  .map(([name]) => name as keyof Capabilities)
  .filter((name) => name !== 'asked');

describe.each(BINARIES)('$id', (binary) => {
  const identity = parseServerName(binary.id);

  async function probed(args: Record<string, string> = {}): Promise<Capabilities & { changes: string[] }> {
    const server = await pool.start(binary, { args: { databases: 7, ...args } });
    const watcher = await pool.client(server);
    const changes = async (): Promise<string> =>
      /rdb_changes_since_last_save:(\d+)/.exec(await watcher.text('INFO', 'persistence'))![1]!;
    const before = await changes();
    const client = await Client.connect(parseEndpoint(server.url, 'target'), 'target');
    try {
      const found = await probeTarget(client, identity, ['NO.SUCH.COMMAND']);
      expect(await watcher.call('DBSIZE')).toBe(0);
      return { ...found, changes: [before, await changes()] };
    } finally {
      client.close();
    }
  }

  test('finds what the version says, and changes nothing', async () => {
    const found = await probed();
    const expected = capabilitiesOf(identity);
    expect(found.asked).toBe(true);
    expect(found.changes[1]).toBe(found.changes[0]);
    for (const flag of FLAGS) expect([flag, found[flag]]).toEqual([flag, expected[flag]]);
    for (const { name, role } of BUILTIN_COMMANDS.specs) {
      if (role !== 'link' && role !== 'cluster')
        expect([name, found.has(name)]).toEqual([name, expected.has(name)]);
    }
    for (const dialect of ['redis', 'valkey'] as const) {
      for (let id = 0; id < 32; id++) {
        expect([dialect, id, found.acceptsType(id, dialect)]).toEqual([
          dialect,
          id,
          expected.acceptsType(id, dialect),
        ]);
      }
    }
    for (const version of [6, 9, 10, 11, 12, 13, 14, 80, 81]) {
      expect([version, found.acceptsFooter(version)]).toEqual([version, expected.acceptsFooter(version)]);
    }
    expect(found.has('NO.SUCH.COMMAND')).toBe(false);
    expect([found.databases, found.maxBulkBytes]).toEqual([7, 536_870_912]);
    expect(describeCapabilities(found).join('; ')).toContain('7 databases');
  });

  test('a command renamed away is not there', async () => {
    const found = await probed({ 'rename-command': 'UNLINK ""' });
    expect([found.has('UNLINK'), found.unlink, found.has('DEL')]).toEqual([false, false, true]);
  });

  test('a user who may do nothing: the version decides', async () => {
    const server = await pool.start(binary);
    const admin = await pool.client(server);
    await admin.call('ACL', 'SETUSER', 'little', 'on', '>secret', '-@all', '+ping', '+auth', '+client');
    const endpoint = { ...parseEndpoint(server.url, 'target'), username: 'little', password: 'secret' };
    const client = await Client.connect(endpoint, 'target');
    const found = await probeTarget(client, identity);
    client.close();
    const expected = capabilitiesOf(identity);
    expect(found.asked).toBe(false);
    for (const flag of FLAGS) expect([flag, found[flag]]).toEqual([flag, expected[flag]]);
    expect(found.acceptsType(18, 'redis')).toBe(expected.acceptsType(18, 'redis'));
    expect(found.has('HSETEX')).toBe(expected.has('HSETEX'));
    expect(found.databases).toBeUndefined();
    expect(describeCapabilities(found)[0]).toContain('by its version');
  });
});

/** Whether the target takes values of the modules that the snapshot has: it is shown one of each. */
import type { Client } from '../net/client.js';
import { atLeast } from '../rdb/server-support.js';
import { ReplyError } from '../resp/reply-decoder.js';
import type { DryRunModule } from './dry-run-report.js';
import type { SnapshotRehearsal } from './dry-run-snapshot.js';
import type { Findings } from './examination.js';

/** The one that `target/probe-target.ts` asks with; never there. */
const PROBE_KEY = '__replicant:{probe}';

/** A payload with a deadline in 1970: who takes it makes no key of it (`target/probe-target.ts`). */
export async function showModules(
  client: Client,
  { modules }: SnapshotRehearsal,
  { capabilities: { restoreAbsttl, importMode, server } }: Findings,
): Promise<DryRunModule[]> {
  // In import mode it would make the key.
  const imports = server.family === 'valkey' && atLeast(server.version, 8, 1) && importMode !== false;
  const mayAsk = restoreAbsttl && !imports;
  return await Promise.all(
    [...modules].map(async ([type, { keys, leftOut, payload }]): Promise<DryRunModule> => {
      if (leftOut === keys) return { type, keys, accepted: false };
      if (!mayAsk || payload === undefined) return { type, keys, accepted: null };
      const reply = await client.request(['RESTORE', PROBE_KEY, '1', payload, 'REPLACE', 'ABSTTL']);
      if (!(reply instanceof ReplyError)) return { type, keys, accepted: true };
      return { type, keys, accepted: /Bad data format/.test(reply.message) ? false : null };
    }),
  );
}

/**
 * Removes the function libraries of a target that a snapshot does not have. They belong to no database, and
 * are known by the names in their first lines (`keyspace/library-name`). Servers before 7.0 have none, and say
 * that they do not know the command.
 */
import type { Client } from '../net/client.js';
import { type Reply, ReplyError, replyText } from '../resp/reply-decoder.js';
import { refusalOfTarget } from './target-state.js';

/** The names of those that were removed; each node of a cluster has its own. */
export async function removeMissingFunctions(
  clients: readonly Client[],
  wantedLibraries: ReadonlySet<string>,
): Promise<readonly string[]> {
  const removed = await Promise.all(clients.map((client) => removeOn(client, wantedLibraries)));
  return [...new Set(removed.flat())];
}

async function removeOn(client: Client, wantedLibraries: ReadonlySet<string>): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const name of await listLibraries(client)) {
    if (wantedLibraries.has(name)) continue;
    const reply = await client.request(['FUNCTION', 'DELETE', name]);
    if (reply instanceof ReplyError) {
      // Somebody else was faster.
      if (/library not found/i.test(reply.message)) continue;
      throw refusalOfTarget(client, 'FUNCTION DELETE', reply);
    }
    removed.push(name);
  }
  return removed;
}

async function listLibraries(client: Client): Promise<readonly string[]> {
  const reply = await client.request(['FUNCTION', 'LIST']);
  if (reply instanceof ReplyError) {
    if (/^ERR unknown command/i.test(reply.message)) return [];
    throw refusalOfTarget(client, 'FUNCTION LIST', reply);
  }
  const libraries = Array.isArray(reply) ? (reply as readonly Reply[]) : [];
  return libraries.map(nameOf).filter((name) => name !== undefined);
}

/** A library is a list of field, value, field, value …; which fields there are depends on the version. */
function nameOf(library: Reply): string | undefined {
  if (!Array.isArray(library)) return undefined;
  const fields = library as readonly Reply[];
  const at = fields.findIndex((field, index) => index % 2 === 0 && replyText(field) === 'library_name');
  return at < 0 ? undefined : replyText(fields[at + 1] ?? null);
}

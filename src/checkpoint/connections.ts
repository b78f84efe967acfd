/**
 * Who is connected to the target for a job. The connection that writes for a job is named
 * `replicant:<job>:<owner id>`; CLIENT LIST (names since Redis 2.6.9, `id=` since 2.8.12) shows all of them with
 * the seconds since their last command: a line each, of `key=value` parted by spaces, which names cannot hold.
 */
import type { Client } from '../net/client.js';

const NAME = /^replicant:([^:]+):([^:]+)$/u;

/** A connection that writes, or has written, for a job. */
export interface OwnerConnection {
  readonly job: string;
  readonly ownerId: string;
  /** Undefined on servers before 2.8.12. */
  readonly id: string | undefined;
  readonly addr: string;
  readonly idleSeconds: number;
}

/** Job names are ASCII without colons and spaces, owner ids hex digits. */
export function connectionName(job: string, ownerId: string): string {
  return `replicant:${job}:${ownerId}`;
}

/** Those of all jobs; undefined when this user may not ask. */
export async function listOwnerConnections(client: Client): Promise<OwnerConnection[] | undefined> {
  const text = await client.ask('CLIENT', 'LIST');
  return text === undefined ? undefined : parseClientList(text);
}

export function parseClientList(text: string): OwnerConnection[] {
  return text.split('\n').flatMap((line) => {
    const fields = new Map(line.split(' ').map(splitField));
    const [, job, ownerId] = NAME.exec(fields.get('name') ?? '') ?? [];
    if (job === undefined || ownerId === undefined) return [];
    const idleSeconds = Number(fields.get('idle') ?? 0);
    return [{ job, ownerId, id: fields.get('id'), addr: fields.get('addr') ?? '', idleSeconds }];
  });
}

function splitField(field: string): [name: string, value: string] {
  const at = field.indexOf('=');
  return at < 0 ? [field, ''] : [field.slice(0, at), field.slice(at + 1).trimEnd()];
}

/** Ends it; whatever it still sends is lost. False when this user may not, or when it has gone by itself. */
export async function killConnection(client: Client, { id, addr }: OwnerConnection): Promise<boolean> {
  const reply = await client.request(
    id === undefined ? ['CLIENT', 'KILL', addr] : ['CLIENT', 'KILL', 'ID', id],
  );
  return reply === 1 || reply === 'OK';
}

/** Seconds since any of an owner's connections was used; undefined when it has none. */
export function idleSecondsOf(
  connections: readonly OwnerConnection[],
  job: string,
  ownerId: string,
): number | undefined {
  const idle = connections
    .filter((connection) => connection.job === job && connection.ownerId === ownerId)
    .map(({ idleSeconds }) => idleSeconds);
  return idle.length === 0 ? undefined : Math.min(...idle);
}

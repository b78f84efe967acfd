/**
 * A look at one shard of the source (`handover.ts`): its primary is asked in one transaction for its offset, for
 * migrations of whole slots (Valkey 9: CLUSTER GETSLOTMIGRATIONS, Redis 8.4: CLUSTER MIGRATION STATUS; others know neither),
 * and for the slots it owns and those that are moved key by key. Where this user may not use MULTI, one after the
 * other in this order, which differs only if a move ends between two answers.
 */
import { ReplicantError } from '../../errors.js';
import { parseSlotRange, type SlotRange, SlotSet } from '../../keyspace/slot-set.js';
import { Client } from '../../net/client.js';
import type { Endpoint } from '../../net/endpoint.js';
import { type Reply, ReplyError, replyText } from '../../resp/reply-decoder.js';
import { parseClusterNodes } from '../../topology/cluster-nodes.js';
import { readServerInfo } from '../server-info.js';
import type { ShardLook } from './handover.js';

const TIMEOUT_MS = 5000;
const INFO = ['INFO', 'replication'];
const NODES = ['CLUSTER', 'NODES'];
const MIGRATIONS = [
  ['CLUSTER', 'GETSLOTMIGRATIONS'],
  ['CLUSTER', 'MIGRATION', 'STATUS', 'ALL'],
];

interface Asking {
  readonly client: Client;
  /** What this server knows. */
  readonly commands: readonly (readonly string[])[];
}

export class ShardLooker {
  readonly #endpoint: Endpoint;
  readonly #isOurs: (nodeId: string) => boolean;
  #asking: Promise<Asking> | undefined;

  /**
   * `endpoint` finds the shard's primary. An emptied node may have become a replica elsewhere, and so lead to another
   * shard: `isOurs` knows the shard's nodes.
   */
  constructor(endpoint: Endpoint, isOurs: (nodeId: string) => boolean) {
    this.#endpoint = endpoint;
    this.#isOurs = isOurs;
  }

  async look(): Promise<ShardLook> {
    this.#asking ??= open(this.#endpoint);
    const asking = this.#asking;
    try {
      return await look(await asking, this.#isOurs);
    } catch (error) {
      if (this.#asking === asking) this.close();
      throw error;
    }
  }

  close(): void {
    this.#asking?.then(({ client }) => client.close()).catch(() => {});
    this.#asking = undefined;
  }
}

async function open(endpoint: Endpoint): Promise<Asking> {
  const client = await Client.connect(endpoint, 'source');
  try {
    const answers = await Promise.all(MIGRATIONS.map((args) => client.request(args, TIMEOUT_MS)));
    const known = MIGRATIONS.filter((args, at) => isKnown(client, args, answers[at]!));
    return { client, commands: [INFO, ...known, NODES] };
  } catch (error) {
    client.close();
    throw error;
  }
}

/** One that may not ask must not be taken for one of an older server: an import would go unseen. */
function isKnown(client: Client, args: readonly string[], answer: Reply): boolean {
  if (!(answer instanceof ReplyError)) return true;
  if (/^NO(?:PERM|AUTH)/u.test(answer.message)) throw client.refusal(args.join(' '), answer);
  return false;
}

async function look({ client, commands }: Asking, isOurs: (nodeId: string) => boolean): Promise<ShardLook> {
  const [begun, ...rest] = await Promise.all(
    [['MULTI'], ...commands, ['EXEC']].map((args) => client.request(args, TIMEOUT_MS)),
  );
  const done = rest.at(-1);
  // Without MULTI each has been answered by itself.
  const answers = begun instanceof ReplyError ? rest.slice(0, -1) : done;
  if (!Array.isArray(answers)) {
    throw notNow(client, done instanceof ReplyError ? done.message : 'its answer makes no sense');
  }
  const { id, look: found } = read(client, answers);
  if (!isOurs(id)) throw notNow(client, 'it is a node of another shard');
  return found;
}

function read(client: Client, answers: readonly Reply[]): { readonly id: string; readonly look: ShardLook } {
  const [info = null, ...rest] = answers;
  const nodes = rest.at(-1) ?? null;
  for (const [reply, what] of [
    [info, 'INFO replication'],
    [nodes, 'CLUSTER NODES'],
  ] as const)
    if (reply instanceof ReplyError) throw client.refusal(what, reply);
  const { replOffset, role } = readServerInfo(replyText(info) ?? '');
  const self = parseClusterNodes(replyText(nodes) ?? '')?.find(({ flags }) => flags.includes('myself'));
  if (self === undefined || replOffset < 0) throw notNow(client, 'it does not tell where it stands');
  if (role === 'replica' || self.role === 'replica')
    throw notNow(client, 'it is not the primary of its shard any more');
  const importing = SlotSet.of(rest.slice(0, -1).flatMap(importsIn));
  for (const { slot, state } of self.moving) if (state === 'importing') importing.add(slot);
  return { id: self.id, look: { offset: replOffset, owned: SlotSet.of(self.slots), importing } };
}

function notNow(client: Client, why: string): ReplicantError {
  return new ReplicantError('SOURCE_BUSY', `the source can't tell which slots are its own: ${why}`, {
    place: { at: client.address },
  });
}

const OVER = ['success', 'failed', 'cancelled', 'canceled', 'completed'];

/** The slots of imports that are not over, in the answer to either command. */
export function importsIn(reply: Reply): SlotRange[] {
  if (!Array.isArray(reply)) return [];
  return reply.flatMap((entry) => {
    const fields = fieldsOf(entry);
    if (fields.get('operation')?.toLowerCase() !== 'import') return [];
    if (OVER.includes(fields.get('state')?.toLowerCase() ?? '')) return [];
    const text = fields.get('slot_ranges') ?? fields.get('slots') ?? '';
    return text
      .split(/[ ,]+/u)
      .map(parseSlotRange)
      .filter((range) => range !== undefined);
  });
}

function fieldsOf(entry: Reply): Map<string, string> {
  const fields = new Map<string, string>();
  if (!Array.isArray(entry)) return fields;
  for (let at = 0; at + 1 < entry.length; at += 2)
    fields.set(replyText(entry[at] ?? null)?.toLowerCase() ?? '', replyText(entry[at + 1] ?? null) ?? '');
  return fields;
}

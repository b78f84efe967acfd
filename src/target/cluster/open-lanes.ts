/**
 * Attaching to a cluster: after the job has been claimed on its home node, and before anything is written.
 *
 *   1. connect to every primary, close what is left of our own and of stuck connections of the job there
 *   2. shut out whoever wrote under earlier lanes (a fence in their texts), and read how far they came
 *   3. new lanes of a new generation; what they stand for goes into the checkpoint (`claims`) before a lane's
 *      first text is written
 *
 * A crash between any two steps leaves texts and claims that say the same as before.
 */
import { randomBytes } from 'node:crypto';
import { closeConnections } from '../../checkpoint/lease.js';
import { checkpointKey, type LaneClaim, type Owner } from '../../checkpoint/record.js';
import { ReplicantError } from '../../errors.js';
import { keySlot } from '../../keyspace/key-slot.js';
import { tagOfSlot } from '../../keyspace/slot-tag.js';
import { bytesOf } from '../../keyspace/words.js';
import { connectionName } from '../../checkpoint/connections.js';
import { Client } from '../../net/client.js';
import { type Endpoint, formatAddress } from '../../net/endpoint.js';
import { type Reply, ReplyError, replyText } from '../../resp/reply-decoder.js';
import { TargetLink, type TargetLinkHandler } from '../target-link.js';
import { refusalOfTarget } from '../target-state.js';
import { Lane } from './lane.js';
import {
  claimsFor,
  countOf,
  isLost,
  isOutdated,
  loadingGeneration,
  progressOf,
  type SlotProgress,
} from './lane-claim.js';
import { LANE_SCRIPT, OLD_LANE_SCRIPT, plainScriptError, scriptSha } from './lane-script.js';
import { laneKey, type LaneText, laneTextPrefix, parseLaneText } from './lane-text.js';
import { connectAll, findPrimaries, type TargetNode } from './target-nodes.js';

const GENERATION_BYTES = 6;
/** Below all others. */
const NO_GENERATION = '0-none';
/** How long a replica of each node is given to take over what was just written, where it has one. */
const WAIT_MS = 200;
/** Sets a fence behind a lane's text, whatever it says; answers what it said. */
const FENCE_SCRIPT = `
local text = redis.call('GET', KEYS[1])
if not text then return false end
local plain = string.match(text, '^(%S+ %S+ %S+ %S+)') or text
local stored = redis.pcall('SET', KEYS[1], plain .. ' ' .. ARGV[1])
if stored.err then return stored end
return text`;

export interface SurveyOptions {
  /** Seeds of the cluster. */
  readonly endpoint: Endpoint;
  readonly job: string;
  readonly owner: Owner;
  readonly staleAfterMs: number;
  readonly announce: (message: string) => void;
  /** Others are shut out by scripts; else only by closing their connections. */
  readonly atomic: boolean;
  /** From the checkpoint. */
  readonly claims: readonly LaneClaim[];
  readonly snapshot: string;
}

/** What stands on the nodes, with nobody else writing any more. */
export interface LaneSurvey {
  readonly nodes: readonly TargetNode[];
  readonly clients: readonly Client[];
  /** What each lane's key holds now, by its tag. */
  readonly found: ReadonlyMap<string, string>;
  readonly progress: SlotProgress;
  /** The checkpoint, or what it relies on, has been lost in a failover: how far the nodes are can't be told. */
  readonly outdated: boolean;
  /** The number of the lanes' last generation. */
  readonly generation: number;
  /** The database in force at `progress.least`; undefined when it is not known. */
  readonly leastDb: number | undefined;
}

export async function surveyLanes(options: SurveyOptions): Promise<LaneSurvey> {
  const nodes = await findPrimaries(options.endpoint);
  const clients = await connectAll(nodes);
  try {
    const { job, owner, staleAfterMs, announce } = options;
    const home = keySlot(bytesOf(checkpointKey(job)));
    for (const [index, client] of clients.entries()) {
      // On the home node claiming the job has done that.
      if (nodes[index]!.slots.has(home)) continue;
      // oxlint-disable-next-line no-await-in-loop -- few
      await closeConnections(client, { job, owner, staleAfterMs, announce });
    }
    const found = new Map<string, string>();
    const texts = new Map<string, LaneText>();
    for (const tag of new Set(options.claims.map((claim) => claim.tag))) {
      const key = laneKey(tag, job);
      // oxlint-disable-next-line no-await-in-loop -- few
      const text = await fence(clientOf(nodes, clients, key), key, options.atomic ? owner.id : undefined);
      if (text === undefined) continue;
      found.set(tag, text.now);
      const parsed = parseLaneText(text.before);
      if (parsed !== undefined) texts.set(tag, parsed);
    }
    const progress = progressOf(options.claims, texts, options.snapshot);
    const least = [...texts.values()].find(({ offset }) => offset === progress.least);
    return {
      ...{ nodes, clients, found, progress },
      outdated:
        isOutdated(options.claims, texts.values(), options.snapshot) ||
        isLost(options.claims, texts, (node) => nodes.some(({ nodeId }) => nodeId === node)),
      generation: Math.max(
        0,
        ...[...options.claims, ...texts.values()].map((one) => countOf(one.generation)),
      ),
      leastDb: least === undefined || least.db < 0 ? undefined : least.db,
    };
  } catch (error) {
    for (const client of clients) client.close();
    throw error;
  }
}

function ownerOf(nodes: readonly TargetNode[], key: string): TargetNode | undefined {
  const slot = keySlot(bytesOf(key));
  return nodes.find(({ slots }) => slots.has(slot));
}

function clientOf(nodes: readonly TargetNode[], clients: readonly Client[], key: string): Client {
  const node = ownerOf(nodes, key);
  if (node !== undefined) return clients[nodes.indexOf(node)]!;
  throw new ReplicantError('TARGET_BUSY', `slot ${keySlot(bytesOf(key))} of the target is served by nobody`, {
    hint: 'see cluster info and cluster nodes there',
  });
}

async function fence(
  client: Client,
  key: string,
  owner: string | undefined,
): Promise<{ before: string; now: string } | undefined> {
  if (owner === undefined) {
    const text = await accepted(client, ['GET', key]);
    const found = text instanceof Uint8Array ? (replyText(text) ?? '') : undefined;
    return found === undefined ? undefined : { before: found, now: found };
  }
  const mark = `${owner}-${randomBytes(GENERATION_BYTES).toString('hex')}`;
  const before = await accepted(client, ['EVAL', FENCE_SCRIPT, '1', key, mark]);
  if (!(before instanceof Uint8Array)) return undefined;
  const text = replyText(before) ?? '';
  const plain = /^(\S+ \S+ \S+ \S+)/u.exec(text)?.[1] ?? text;
  return { before: text, now: `${plain} ${mark}` };
}

async function accepted(client: Client, args: readonly string[]): Promise<Reply> {
  const reply = await client.request(args);
  if (!(reply instanceof ReplyError)) return reply;
  throw refusalOfTarget(client, args[0]!, new ReplyError(plainScriptError(reply.message)));
}

export interface OpenOptions {
  readonly survey: LaneSurvey;
  readonly job: string;
  readonly owner: Owner;
  readonly snapshot: string;
  /** Everything before this offset is applied on all slots. */
  readonly base: number;
  /** The stream is gone on with: what lanes have done beyond `base` counts. */
  readonly follows: boolean;
  readonly atomic: boolean;
  /** The target's major version. */
  readonly major: number;
  readonly handler: TargetLinkHandler;
}

export interface OpenedLanes {
  readonly lanes: readonly Lane[];
  readonly claims: readonly LaneClaim[];
}

export async function openLanes(options: OpenOptions): Promise<OpenedLanes> {
  const { survey, job, owner, snapshot, base, follows, atomic, major, handler } = options;
  const generation = `${survey.generation + 1}-${randomBytes(GENERATION_BYTES).toString('hex')}`;
  const script = major < 5 ? OLD_LANE_SCRIPT : LANE_SCRIPT;
  const sha = scriptSha(script);
  const lanes: Lane[] = [];
  const claims: LaneClaim[] = [];
  try {
    for (const [index, { nodeId, endpoint, slots }] of survey.nodes.entries()) {
      /* oxlint-disable no-await-in-loop -- a node after the other */
      const tag = tagFor(job, slots, survey.found);
      const key = laneKey(tag, job);
      const client = survey.clients[index]!;
      if (atomic) await accepted(client, ['SCRIPT', 'LOAD', script]);
      const found = survey.found.get(tag) ?? (await textOf(client, key, snapshot));
      const link = await TargetLink.open(endpoint, handler, connectionName(job, owner.id));
      lanes.push(
        new Lane({
          ...{ link, nodeId, slots, tag, key, found, sha, atomic },
          address: formatAddress(endpoint.address),
          prefix: laneTextPrefix(snapshot, generation),
          loadingPrefix: laneTextPrefix(snapshot, loadingGeneration(generation)),
        }),
      );
      claims.push(
        ...claimsFor({ tag, generation, node: nodeId }, slots, follows ? survey.progress : undefined, base),
      );
      /* oxlint-enable no-await-in-loop */
    }
  } catch (error) {
    for (const lane of lanes) lane.o.link.close();
    throw error;
  }
  return { lanes, claims };
}

/** The job's own tag where its slot is, an earlier lane's tag, or that of the first slot. */
function tagFor(job: string, slots: SlotSetLike, found: ReadonlyMap<string, string>): string {
  if (slots.has(keySlot(bytesOf(job)))) return job;
  const earlier = [...found.keys()].find((tag) => slots.has(keySlot(bytesOf(tag))));
  if (earlier !== undefined) return earlier;
  for (const slot of slots) return tagOfSlot(slot);
  throw new ReplicantError('INTERNAL', 'a lane without slots');
}

interface SlotSetLike extends Iterable<number> {
  has(slot: number): boolean;
}

/** What stands there; where nothing does, a text that says nothing: a lane without one has lost it. */
async function textOf(client: Client, key: string, snapshot: string): Promise<string> {
  const reply = await accepted(client, ['GET', key]);
  if (reply instanceof Uint8Array) return replyText(reply) ?? '';
  const nothing = `${laneTextPrefix(snapshot, NO_GENERATION)}0 -1`;
  await accepted(client, ['SET', key, nothing]);
  return nothing;
}

/** Lets replicas take over what claims and lanes have just written, so that a failover does not lose it. */
export async function awaitReplicas(client: Client): Promise<void> {
  await client.request(['WAIT', '1', String(WAIT_MS)]).catch(() => undefined);
}

/**
 * The primary that Sentinels know by a name. They hear of a failover one after the other, and the old primary may go
 * on as one for seconds; so all are asked, and the highest configuration epoch counts. Who is named must say of itself
 * to be a primary. Sentinels that are cut off from the others do not hear of a failover, and the old primary beside
 * them goes on; so once a failover is known, a word from before it counts only when most of them say so.
 *
 *     SENTINEL get-master-addr-by-name NAME → [host, port], or null for an unknown name
 *     SENTINEL master NAME → a list of names and values, config-epoch among them
 *     SENTINEL sentinels NAME → the others that watch it, each as such a list
 *
 * Sentinels often have no password where the servers have one, or another: without one first, then with ours.
 */
import { ReplicantError } from '../errors.js';
import { type Reply, ReplyError, replyText } from '../resp/reply-decoder.js';
import { replyFields, replyList, textField } from '../topology/reply-fields.js';
import { mapAddress } from './address-map.js';
import { ASK_TIMEOUT_MS, askSeeds, type Opener } from './ask-seeds.js';
import { Connection } from './connection.js';
import { type Address, type Endpoint, endpointAt, formatAddress } from './endpoint.js';
import { addressesToAsk, knownEpoch, rememberAddresses, rememberEpoch } from './known-addresses.js';
import { parseRole, readRole } from './role.js';
import { DENIED, PROTOCOL, type Side, UNREACHABLE } from './socket.js';

export interface SentinelWord {
  /** Where the primary is reached from here. */
  readonly primary: Address;
  /** Counts the failovers that this Sentinel knows of. */
  readonly epoch: number;
  /** Where other Sentinels of this primary are reached from here. */
  readonly others: readonly Address[];
}

/** When one Sentinel has answered, the others have so long. */
const OTHERS_TIMEOUT_MS = 1000;

/** Where the primary is now. Errors: as `locate`. */
export async function locatePrimary(endpoint: Endpoint, master: string, side: Side): Promise<Endpoint> {
  const addresses = addressesToAsk(endpoint);
  const [from, first] = await askSeeds({
    ...{ endpoint, addresses, side, what: `the primary of ${master}`, open: openSentinel },
    ask: async (connection, { address }) =>
      [address, await askSentinel(connection, endpoint, master, side)] as const,
  });
  rememberAddresses(endpoint, from, first.others);
  const ask = (address: Address): Promise<SentinelWord | undefined> =>
    askOther(endpoint, address, master, side);
  const others = addressesToAsk(endpoint).filter((address) => formatAddress(address) !== formatAddress(from));
  const words = [first, ...(await Promise.all(others.map(ask)))].filter((word) => word !== undefined);
  const word = judgeWords(words, knownEpoch(endpoint));
  if (word === undefined) throw outdated(first, master, side, from);
  rememberEpoch(endpoint, word.epoch);
  const found = endpointAt(endpoint, word.primary);
  await checkPrimary(found, master, side);
  return found;
}

/** That of the highest epoch, whatever order they came in; undefined when it can't be trusted, as a later one is known. */
export function judgeWords(words: readonly SentinelWord[], known: number): SentinelWord | undefined {
  const place = ({ primary }: SentinelWord): string => formatAddress(primary);
  const [best] = words.toSorted((a, b) => b.epoch - a.epoch || (place(a) < place(b) ? -1 : 1));
  if (best === undefined || best.epoch >= known) return best;
  const agreeing = words.filter((word) => word.epoch === best.epoch && place(word) === place(best));
  return 2 * agreeing.length > best.others.length + 1 ? best : undefined;
}

function outdated(word: SentinelWord, master: string, side: Side, from: Address): ReplicantError {
  const named = `the Sentinels that answer name ${formatAddress(word.primary)} as primary of ${master}`;
  return new ReplicantError(UNREACHABLE[side], `${named}, and have not heard of a later failover`, {
    place: { at: formatAddress(from) },
    hint: 'they may be cut off from the others',
  });
}

async function askOther(
  endpoint: Endpoint,
  address: Address,
  master: string,
  side: Side,
): Promise<SentinelWord | undefined> {
  let connection: Connection | undefined;
  try {
    connection = await openSentinel(endpointAt(endpoint, address), side, OTHERS_TIMEOUT_MS);
    return await askSentinel(connection, endpoint, master, side, OTHERS_TIMEOUT_MS);
  } catch (error) {
    if (!(error instanceof ReplicantError)) throw error;
    return undefined;
  } finally {
    connection?.close();
  }
}

export const openSentinel: Opener = async (endpoint, side, timeoutMs) => {
  const { username: _username, password, ...open } = endpoint;
  try {
    return await Connection.open(open, side, timeoutMs);
  } catch (error) {
    if (password === undefined || !(error instanceof ReplicantError) || error.code !== DENIED[side])
      throw error;
    return Connection.open(endpoint, side, timeoutMs);
  }
};

/**
 * What this Sentinel knows of the primary. Errors: UNREACHABLE when it knows none by this name, PROTOCOL when it is no
 * Sentinel.
 */
export async function askSentinel(
  connection: Connection,
  endpoint: Endpoint,
  master: string,
  side: Side,
  timeoutMs: number = ASK_TIMEOUT_MS,
): Promise<SentinelWord> {
  const ask = (question: string): Promise<Reply> =>
    connection.request(['SENTINEL', question, master], timeoutMs);
  const [address, state, sentinels] = await Promise.all([
    ask('get-master-addr-by-name'),
    ask('master'),
    ask('sentinels'),
  ]);
  const [host, port] = (replyList(address) ?? []).map(replyText);
  if (host === undefined || port === undefined) throw await explainSilence(connection, master, side, address);
  return {
    primary: mapAddress(endpoint.addressMap, host, Number(port)),
    epoch: Number(textField(replyFields(state), 'config-epoch') ?? 0),
    others: parseSentinels(sentinels, endpoint),
  };
}

async function explainSilence(
  connection: Connection,
  master: string,
  side: Side,
  reply: Reply,
): Promise<ReplicantError> {
  const place = { at: connection.address };
  if (reply instanceof ReplyError) {
    if (!/unknown command/i.test(reply.message)) return connection.refusal('SENTINEL', reply);
    return new ReplicantError(PROTOCOL[side], `there is no Sentinel at ${connection.address}`, {
      place,
      hint: '?master= goes with the addresses of Sentinels; they listen on port 26379 unless told otherwise',
    });
  }
  const names = await askMasters(connection);
  const known = names.length === 0 ? 'it watches nothing' : `it knows ${names.join(', ')}`;
  return new ReplicantError(
    UNREACHABLE[side],
    `the Sentinel knows no primary by the name ${master}: ${known}`,
    { place, hint: names.length === 0 ? undefined : 'write one of these names behind ?master=' },
  );
}

/** The names this Sentinel knows. */
export async function askMasters(connection: Connection): Promise<readonly string[]> {
  const role = parseRole(await connection.request(['ROLE'], ASK_TIMEOUT_MS));
  if (role?.role === 'sentinel') return role.masters;
  const masters = replyList(await connection.request(['SENTINEL', 'masters'], ASK_TIMEOUT_MS)) ?? [];
  return masters.map((one) => textField(replyFields(one), 'name')).filter((name) => name !== undefined);
}

function parseSentinels(reply: Reply, endpoint: Endpoint): readonly Address[] {
  return (replyList(reply) ?? []).flatMap((one) => {
    const fields = replyFields(one);
    const [host, port] = [textField(fields, 'ip'), Number(textField(fields, 'port'))];
    return host === undefined || !(port > 0) ? [] : [mapAddress(endpoint.addressMap, host, port)];
  });
}

async function checkPrimary(found: Endpoint, master: string, side: Side): Promise<void> {
  const at = formatAddress(found.address);
  const named = `the Sentinels name ${at} as primary of ${master}`;
  const role = await readRole(found, side, ASK_TIMEOUT_MS).catch((error: unknown) => {
    if (!(error instanceof ReplicantError)) throw error;
    throw new ReplicantError(error.code, `${named}: ${error.message}`, {
      place: { ...error.place, at },
      hint: error.hint,
      cause: error,
    });
  });
  if (role === undefined || role.role === 'primary') return;
  throw new ReplicantError(UNREACHABLE[side], `${named}, which says it is a ${role.role}`, {
    place: { at },
    hint: 'a failover may be under way',
  });
}

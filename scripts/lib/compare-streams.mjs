/**
 * What XINFO STREAM … FULL tells of one stream on two servers. Compared: everything that both report (6.0
 * has neither entries-added nor entries-read), but not what belongs to the process rather than to the data:
 * radix tree statistics, when a consumer was last seen, and the lag, which the server derives.
 */

const NOT_DATA = new Set([
  'radix-tree-keys',
  'radix-tree-nodes',
  'seen-time',
  'active-time',
  'idle',
  'inactive',
  'lag',
]);
const PREVIEW_CHARS = 160;

/**
 * @param {import('./preview.mjs').Place} a
 * @param {import('./preview.mjs').Place} b
 * @returns {Promise<{what: 'stream', a: string | null, b: string | null}[]>} at most one difference
 */
export async function compareStreams(a, b) {
  const [left, right] = await Promise.all(
    [a, b].map(({ client, key }) => client.call('XINFO', 'STREAM', key, 'FULL', 'COUNT', 0)),
  );
  const difference = firstDifference(readStream(left), readStream(right), '');
  if (difference === undefined) return [];
  const { path, left: mine, right: theirs } = difference;
  return [{ what: 'stream', a: show(path, mine), b: show(path, theirs) }];
}

/** The reply as objects; groups and consumers by their names, so that one that is missing is seen as such. */
function readStream(reply) {
  const stream = readMap(reply);
  return { ...stream, groups: byName(stream.groups, readGroup) };
}

function readGroup(group) {
  return { ...group, consumers: byName(group.consumers, (consumer) => consumer) };
}

function byName(items, read) {
  return Object.fromEntries(items.map((item) => readMap(item)).map((item) => [`"${item.name}"`, read(item)]));
}

/** A flat list of names and values; binary text becomes latin1 and so stays exact. */
function readMap(flat) {
  /** @type {Record<string, any>} */
  const object = {};
  for (let i = 0; i < flat.length; i += 2) {
    const name = String(flat[i]);
    if (NOT_DATA.has(name)) continue;
    // Groups and consumers are maps again and are read by name; all other lists are plain data.
    object[name] = name === 'groups' || name === 'consumers' ? flat[i + 1] : toLatin1(flat[i + 1]);
  }
  return object;
}

function toLatin1(value) {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  return Array.isArray(value) ? value.map(toLatin1) : value;
}

/** The first place where two structures differ, as a path like `groups."g".pending.0`. */
function firstDifference(left, right, path) {
  if (!isStructure(left) || !isStructure(right)) return left === right ? undefined : { path, left, right };
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  for (const name of names) {
    const here = path === '' ? name : `${path}.${name}`;
    const isOneSided = !(name in left) || !(name in right);
    // A field of the reply that one version does not have is no difference; an element that is missing is.
    if (isOneSided && isReplyField(name)) continue;
    const found = firstDifference(left[name], right[name], here);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isStructure(value) {
  return typeof value === 'object' && value !== null;
}

/** Neither an index nor a quoted group or consumer name. */
function isReplyField(name) {
  return !/^(\d+$|")/.test(name);
}

function show(path, value) {
  return value === undefined ? null : `${path}: ${JSON.stringify(value)}`.slice(0, PREVIEW_CHARS);
}

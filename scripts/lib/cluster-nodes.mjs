/**
 * What CLUSTER NODES says, one line per node:
 *
 *   id ip:port@busport[,hostname…] flags primary|- ping pong epoch link-state slot|first-last… [slot->-id] [slot-<-id]
 *
 * The brackets, on the node's own line only, are slots that leave for another node and that come from one.
 */

/** @typedef {import('./cluster-nodes.mjs').NodeView} NodeView */

/**
 * @param {string} text
 * @param {string} [host] of the node asked, which does not always know its own address
 * @returns {NodeView[]}
 */
export function parseClusterNodes(text, host = '127.0.0.1') {
  return text
    .trim()
    .split('\n')
    .map((line) => parseLine(line.trim(), host));
}

/** @returns {NodeView} */
function parseLine(line, host) {
  const [id = '', address = '', flagText = '', primary = '-', , , epoch = '0', link = '', ...rest] =
    line.split(' ');
  const [, ip = '', port = '0'] = /^(.*?):(\d+)/.exec(address) ?? [];
  const flags = flagText.split(',');
  return {
    id,
    host: ip === '' ? host : ip,
    port: Number(port),
    flags,
    role: flags.includes('master') ? 'primary' : 'replica',
    isMyself: flags.includes('myself'),
    isFailed: flags.includes('fail') || flags.includes('fail?'),
    isHandshake: flags.includes('handshake') || flags.includes('noaddr'),
    primaryId: primary === '-' ? undefined : primary,
    configEpoch: Number(epoch),
    isLinked: link === 'connected',
    slots: rest.filter((word) => !word.startsWith('[')).map(parseRange),
    migrating: moves(rest, '->-'),
    importing: moves(rest, '-<-'),
  };
}

/** @param {string} word @returns {[number, number]} */
function parseRange(word) {
  const [first = '', last = first] = word.split('-');
  return [Number(first), Number(last)];
}

/** @param {readonly string[]} words @param {string} arrow @returns {Map<number, string>} slot → the other node */
function moves(words, arrow) {
  return new Map(
    words
      .filter((word) => word.startsWith('[') && word.includes(arrow))
      .map((word) => word.slice(1, -1).split(arrow))
      .map(([slot, id = '']) => [Number(slot), id]),
  );
}

/**
 * The same text for the same owners and roles, whoever is asked.
 * @param {readonly NodeView[]} views
 */
export function ownership(views) {
  const lines = views.map(
    ({ id, role, primaryId, slots }) =>
      `${id} ${role} ${primaryId ?? '-'} ${slots.map((r) => r.join('-')).join(' ')}`,
  );
  return lines.toSorted().join('\n');
}

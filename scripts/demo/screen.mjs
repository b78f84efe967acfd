/** Plain words for people: one moving line on a terminal, now and then a line elsewhere. */

const LINE_EVERY_MS = 2000;
const BAR = 24;

/** @param {number} n @returns {string} 12,345 */
export function formatCount(n) {
  return Math.round(n).toLocaleString('en-US');
}

/** @param {number} bytes @returns {string} */
export function formatBytes(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(bytes < 10 * 1000 ** power ? 1 : 0)} ${units[power - 1]}`;
}

/** @param {number} ms @returns {string} */
export function formatMs(ms) {
  if (!Number.isFinite(ms)) return 'not known';
  return ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** @param {number} done @param {number} total @returns {string} */
function bar(done, total) {
  const full = total > 0 ? Math.min(BAR, Math.round((done / total) * BAR)) : 0;
  return '█'.repeat(full) + '░'.repeat(BAR - full);
}

/**
 * A status document as one line.
 * @param {any} status
 * @param {number} written commands the writers have sent
 * @returns {string}
 */
export function progressLine(status, written) {
  const shard = status?.shards?.[0];
  if (shard === undefined || status.phase === 'connecting') return 'connecting';
  if (status.phase === 'full-sync') {
    const of = shard.keysTotal > 0 ? ` of about ${formatCount(shard.keysTotal)}` : '';
    return `full sync  ${bar(shard.keys, shard.keysTotal)}  ${formatCount(shard.keys)}${of} keys, ${formatBytes(shard.rdbBytes)}`;
  }
  const lag =
    shard.lagBytes > 0 ? `${formatBytes(shard.lagBytes)}, ${shard.lagSeconds.toFixed(1)} s` : 'none';
  return `${status.phase}  ${formatCount(status.totals.commands)} commands applied (${formatCount(written)} sent to the source), lag ${lag}`;
}

/** @param {NodeJS.WriteStream} [out] */
export function createScreen(out = process.stdout) {
  const terminal = out.isTTY && process.env.TERM !== 'dumb';
  let lastMs = 0;
  let lastWord = '';
  let moving = false;
  const clear = () => {
    if (moving) out.write('\r\u001B[K');
    moving = false;
  };
  return {
    /** @param {string} [text] a line that stays */
    line: (text = '') => {
      clear();
      out.write(`${text}\n`);
    },
    /** @param {string} text replaced by the next one */
    progress: (text) => {
      if (terminal) {
        out.write(`\r\u001B[K  ${text.slice(0, Math.max(20, (out.columns ?? 80) - 3))}`);
        moving = true;
        return;
      }
      const word = text.split(' ')[0] ?? '';
      if (word === lastWord && Date.now() - lastMs < LINE_EVERY_MS) return;
      lastWord = word;
      lastMs = Date.now();
      out.write(`  ${text}\n`);
    },
  };
}

/**
 * The page behind `--http`: one self-contained HTML document that fetches `/status` every second. Texts are
 * set as text, never as HTML. Light or dark follows the reader's system; colour never carries the meaning
 * alone.
 */
export const STATUS_PAGE: string = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>replicant</title>
<style>
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5c656e; --line: #d9dee3; --paper: #fff; --good: #18794e; --bad: #b3261e; --bar: #2f6fd0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebee; --soft: #98a2ad; --line: #333a41; --paper: #15181b; --good: #4cc38a; --bad: #ff8a80; --bar: #6ea8fe; } }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0; overflow-wrap: anywhere; }
#phase { color: var(--soft); margin: 0 0 1.5rem; }
#phase.good { color: var(--good); } #phase.bad { color: var(--bad); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 1rem; margin: 0 0 2rem; }
dt { color: var(--soft); font-size: .875rem; } dd { margin: 0; font-size: 1.375rem; font-variant-numeric: tabular-nums; }
section { border-top: 1px solid var(--line); padding-top: 1rem; }
h2 { font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
progress { width: 100%; height: .5rem; accent-color: var(--bar); }
</style>
</head>
<body>
<h1 id="name">replicant</h1>
<p id="phase" role="status">loading</p>
<dl id="totals"></dl>
<div id="shards"></div>
<script>
const byId = (id) => document.getElementById(id);
const scale = (value, units) => {
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) { value /= 1000; unit += 1; }
  return (unit === 0 ? Math.round(value) : value.toFixed(1)) + (units[unit] === '' ? '' : ' ' + units[unit]);
};
const bytes = (value) => scale(value, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
const count = (value) => scale(value, ['', 'k', 'M', 'G', 'T']);
const offset = (value) => (value < 0 ? 'unknown' : String(value));
const time = (seconds) => {
  const s = Math.round(seconds), m = Math.floor(s / 60), h = Math.floor(m / 60);
  return h > 0 ? h + 'h ' + (m % 60) + 'm' : m > 0 ? m + 'm ' + (s % 60) + 's' : s + 's';
};
const make = (tag, text) => { const node = document.createElement(tag); node.textContent = text; return node; };
const terms = (pairs) => pairs.map(([term, value]) => {
  const box = document.createElement('div');
  box.append(make('dt', term), make('dd', value));
  return box;
});
const shardView = (shard) => {
  const view = document.createElement('section');
  view.append(make('h2', shard.source + ' to ' + shard.target + ', ' + shard.phase));
  if (shard.phase === 'full-sync' && shard.rdbBytesTotal > 0) {
    const bar = document.createElement('progress');
    bar.max = shard.rdbBytesTotal;
    bar.value = shard.rdbBytes;
    bar.setAttribute('aria-label', 'snapshot received');
    view.append(bar);
  }
  const list = document.createElement('dl');
  list.append(...terms([
    ['lag', bytes(Math.max(0, shard.lagBytes)) + ', ' + time(shard.lagSeconds)],
    ['received offset', offset(shard.receivedOffset)],
    ['applied offset', offset(shard.appliedOffset)],
    ['source offset', offset(shard.sourceOffset)],
    ['snapshot', bytes(shard.rdbBytes) + (shard.rdbBytesTotal > 0 ? ' of ' + bytes(shard.rdbBytesTotal) : '')],
    ['snapshot keys', count(shard.keys)],
  ]));
  view.append(list);
  return view;
};
const show = (status) => {
  document.title = status.phase + ' · ' + status.name;
  byId('name').textContent = status.name;
  const phase = byId('phase');
  phase.textContent = status.phase + (status.caughtUp ? ', caught up' : '') + ', running for ' + time(status.uptimeSeconds);
  phase.className = status.phase === 'failed' ? 'bad' : status.caughtUp ? 'good' : '';
  byId('totals').replaceChildren(...terms([
    ['keys', count(status.totals.keys)],
    ['commands', count(status.totals.commands)],
    ['received', bytes(status.totals.bytes)],
    ['skipped', count(status.totals.skipped)],
    ['errors', count(status.totals.errors)],
  ]));
  byId('shards').replaceChildren(...status.shards.map(shardView));
};
const refresh = async () => {
  try {
    show(await (await fetch('status', { cache: 'no-store' })).json());
  } catch {
    byId('phase').textContent = 'replicant does not answer; it has ended or cannot be reached';
    byId('phase').className = 'bad';
  }
  setTimeout(refresh, 1000);
};
refresh();
</script>
</body>
</html>
`;

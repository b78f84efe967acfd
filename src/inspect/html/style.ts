/**
 * The page's style sheet. Colours are variables, light or dark by the reader's system; the eight hues are the
 * same in both, laid over the paper with some transparency.
 */
export const STYLE: string = `
:root {
  color-scheme: light dark;
  --paper: #fbfbfa; --card: #fff; --ink: #1b1f24; --soft: #626b76; --line: #e4e6e9; --hover: #f2f3f5;
  --accent: #2458c5; --warn-paper: #fff6e0; --warn-line: #f0c24b; --warn-ink: #6b4a00; --tint: .2; --fill: .85;
  --blue: 53 110 224; --teal: 16 150 138; --amber: 222 143 16; --violet: 128 86 222; --rose: 222 66 96;
  --green: 62 156 74; --grey: 120 130 142; --brown: 160 108 72;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #121417; --card: #1a1d21; --ink: #e9ecef; --soft: #9aa4af; --line: #2b3036; --hover: #22262b;
    --accent: #8db4ff; --warn-paper: #2d2410; --warn-line: #7a5d15; --warn-ink: #f3d58b; --tint: .26; --fill: .9;
    --blue: 96 152 255; --teal: 45 190 175; --amber: 240 176 60; --violet: 160 126 250; --rose: 245 104 130;
    --green: 94 190 106; --grey: 140 150 162; --brown: 200 146 106;
  }
}
.c0 { --c: var(--blue); } .c1 { --c: var(--teal); } .c2 { --c: var(--amber); } .c3 { --c: var(--violet); }
.c4 { --c: var(--rose); } .c5 { --c: var(--green); } .c6 { --c: var(--grey); } .c7 { --c: var(--brown); }
.warn { --c: var(--amber); }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; max-width: 72rem; padding: 2.5rem 1.5rem 3rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1, h2, h3 { line-height: 1.25; font-weight: 650; letter-spacing: -.01em; }
h1 { margin: .1rem 0 .35rem; font-size: 1.9rem; overflow-wrap: anywhere; }
h2 { margin: 0 0 .25rem; font-size: 1.25rem; }
h3 { margin: 1.75rem 0 .5rem; font-size: .95rem; }
p { margin: 0; }
i { font-style: normal; color: var(--soft); }
.eyebrow { color: var(--accent); font-size: .8rem; font-weight: 650; letter-spacing: .06em; text-transform: uppercase; }
.soft, .lead { color: var(--soft); }
.lead { max-width: 46rem; margin-bottom: 1rem; }
.sr { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
section { margin-top: 1.25rem; padding: 1.5rem; border: 1px solid var(--line); border-radius: 12px; background: var(--card); }
section > h3:first-of-type { margin-top: 1.5rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 0 2.5rem; }
.pair > * { min-width: 0; }
.pair h3 { margin-top: .75rem; }

.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 1px; margin: 1.5rem 0 0; padding: 0; overflow: hidden; border: 1px solid var(--line); border-radius: 12px; background: var(--line); }
.figures > div { padding: 1rem 1.25rem 1.1rem; background: var(--card); }
.figures dt { color: var(--soft); font-size: .85rem; }
.figures dd { margin: 0; }
.figures b { display: block; font-size: 1.6rem; font-weight: 600; letter-spacing: -.02em; line-height: 1.3; font-variant-numeric: tabular-nums; }
.figures span { display: block; font-size: .8rem; line-height: 1.4; }
ul, ol { margin: 0; padding: 0; list-style: none; }
.notes { margin-top: 1.25rem; padding: .75rem 1rem; border: 1px solid var(--warn-line); border-radius: 10px; background: var(--warn-paper); color: var(--warn-ink); overflow-wrap: anywhere; }
.notes li + li { margin-top: .35rem; }
.chips { display: flex; flex-wrap: wrap; gap: .4rem; margin-top: .6rem; }
.chips code { padding: .1rem .5rem; border: 1px solid var(--line); border-radius: 99px; background: var(--card); font-size: .85rem; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: .35rem 1.75rem; margin: .5rem 0 1rem; }

table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { padding: .35rem .5rem; color: var(--soft); font-size: .8rem; font-weight: 500; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--line); }
td { padding: .42rem .5rem; vertical-align: top; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
th:first-child, td:first-child { padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
.num { text-align: right; white-space: nowrap; }
td.plain { white-space: nowrap; }
td.plain bdi { display: inline-block; max-width: 12rem; overflow: hidden; text-overflow: ellipsis; vertical-align: bottom; }
td.bar, th.bar { width: 26%; min-width: 4rem; vertical-align: middle; }
td.key, th.key { width: 99%; max-width: 0; }
td.key { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
td.key > bdi, td.key bdi { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; font-size: .9em; }
td.key > bdi { display: block; overflow: hidden; text-overflow: ellipsis; text-align: left; }
#map-table .bar { width: auto; min-width: 9rem; }
tbody tr:hover { background: var(--hover); }
.meta { display: block; overflow: hidden; text-overflow: ellipsis; color: var(--soft); font-size: .8rem; }
.meta > span:not(:last-child)::after { content: " · "; white-space: pre; color: var(--soft); }
.dot { display: inline-block; width: .6rem; height: .6rem; margin-right: .4rem; border-radius: 3px; background: rgb(var(--c) / var(--fill)); }
.meta .dot { width: .5rem; height: .5rem; margin-right: .3rem; }
svg { display: block; width: 100%; overflow: visible; }
svg rect { fill: rgb(var(--c) / var(--fill)); }
svg.bar { height: 7px; border-radius: 3px; background: rgb(var(--c) / .13); }
td.num > svg.bar { width: 6.5rem; height: 4px; margin: .4rem 0 .1rem auto; }
svg.stack { height: 20px; margin-top: 1rem; border-radius: 5px; overflow: hidden; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin: .6rem 0 1.1rem; font-size: .9rem; }

figure { margin: 1rem 0 0; }
figcaption { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0 1rem; font-size: .9rem; font-weight: 550; }
figcaption .soft { font-size: .8rem; font-weight: 400; }
.chart ol { display: flex; align-items: flex-end; gap: 2px; height: 10.5rem; margin-top: .6rem; padding-bottom: 1.6rem; border-bottom: 0; }
.chart li { position: relative; flex: 1 1 0; min-width: 0; height: 100%; }
.chart li svg { height: 100%; border-bottom: 1px solid var(--line); }
.chart li:hover svg { background: rgb(var(--c) / .1); }
.chart .tick { position: absolute; top: 100%; left: 0; padding-top: .2rem; color: var(--soft); font-size: .72rem; white-space: nowrap; }
.chart .tick::before { content: ""; position: absolute; top: -1px; left: 0; height: 4px; border-left: 1px solid var(--soft); }
.chart .tick.end { left: auto; right: 0; }
.chart .tick.end::before { left: auto; right: 0; }
.strip svg { height: 6.5rem; border-bottom: 1px solid var(--line); }
.strip line { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 3 4; opacity: .6; }
.strip figcaption { margin-top: .3rem; color: var(--soft); font-size: .78rem; font-weight: 400; }

button { font: inherit; color: inherit; cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.toolbar { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .5rem 1rem; margin-bottom: .6rem; }
.crumbs { min-width: 0; }
.crumbs ol { display: flex; flex-wrap: wrap; align-items: baseline; gap: .15rem 0; }
.crumbs li { max-width: 100%; }
.crumbs li + li::before { content: "›"; margin: 0 .45rem; color: var(--soft); }
.crumbs button, .link { padding: 0; border: 0; background: none; color: var(--accent); text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 3px; }
.crumbs button, .crumbs b { max-width: 18rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; vertical-align: bottom; display: inline-block; }
.link { max-width: 100%; overflow: hidden; text-overflow: ellipsis; text-align: left; }
.switch { display: flex; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.switch button { padding: .25rem .8rem; border: 0; background: none; color: var(--soft); font-size: .85rem; }
.switch button[aria-pressed="true"] { background: var(--hover); color: var(--ink); font-weight: 600; }
.switch button:focus-visible { outline-offset: -2px; }
.stage { position: relative; height: clamp(19rem, 46vw, 30rem); margin-bottom: 1rem; }
.tile { position: absolute; padding: 0; border: 1px solid rgb(var(--c) / .55); border-radius: 5px; background: rgb(var(--c) / var(--tint)); overflow: hidden; text-align: left; font-size: .82rem; line-height: 1.3; }
button.tile:hover { background: rgb(var(--c) / calc(var(--tint) + .14)); }
button.tile:focus-visible { outline-offset: -2px; z-index: 1; }
.tile.rest, .cell.rest { --c: var(--grey); background: repeating-linear-gradient(135deg, rgb(var(--c) / .1) 0 5px, rgb(var(--c) / .18) 5px 10px); }
.tile .head { position: absolute; inset: 0 0 auto 0; padding: 2px 6px; overflow: hidden; }
.tile .head bdi { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 600; }
.tile .head small { display: block; overflow: hidden; white-space: nowrap; color: var(--ink); opacity: .75; font-size: .76rem; }
.cell { position: absolute; overflow: hidden; border-radius: 3px; background: rgb(var(--c) / .2); padding: 1px 4px; font-size: .72rem; text-overflow: ellipsis; white-space: nowrap; pointer-events: none; }
footer { margin-top: 1.5rem; padding: 0 .25rem; color: var(--soft); font-size: .82rem; }
footer p { max-width: 52rem; }

@media (max-width: 640px) {
  body { padding: 1.25rem .75rem 2rem; }
  h1 { font-size: 1.45rem; }
  section { padding: 1.1rem .9rem; border-radius: 10px; }
  .figures { grid-template-columns: 1fr 1fr; }
  .figures > div { padding: .75rem .9rem; }
  .figures b { font-size: 1.3rem; }
  .wide { display: none; }
  .meta { white-space: normal; }
  .meta > span { display: inline-block; white-space: pre; }
  .tick.minor { display: none; }
  td.plain .soft { display: block; margin-left: 1rem; font-size: .85rem; line-height: 1.2; }
  th, td { padding-left: .25rem; padding-right: .25rem; }
  #map-table .bar { min-width: 0; }
  .stage { height: 24rem; }
  td.num > svg.bar { width: 4.5rem; }
}
@media print {
  body { max-width: none; padding: 0; background: #fff; }
  section { break-inside: avoid; }
}
`;

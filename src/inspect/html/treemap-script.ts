/**
 * The one script of the page: draws the prefix tree as nested rectangles (squarified, Bruls et al. 2000) and
 * lets the reader walk in it by mouse, touch or keyboard. Everything from the snapshot is set as text.
 *
 * A node is [label, keys, bytes, children, restKeys, restBytes]. The way from the root is a list of child
 * numbers; it goes into the browser's history where that is allowed, so that "back" goes back.
 */
export const TREEMAP_SCRIPT: string = String.raw`'use strict';
(() => {
const source = document.getElementById('tree');
const map = document.getElementById('map');
if (source === null || map === null) return;
const [LABEL, KEYS, BYTES, CHILDREN, REST_KEYS, REST_BYTES] = [0, 1, 2, 3, 4, 5];
const root = JSON.parse(source.textContent);
const tableBox = document.getElementById('map-table');
const MOST_TILES = 80, MOST_ROWS = 100, COLOURS = 8;
let path = [];
let measure = BYTES;

const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};
const exact = new Intl.NumberFormat('en-US');
const scale = (value, units) => {
  let unit = 0;
  while (value >= (unit === 0 ? 999.5 : 999.95) && unit < units.length - 1) { value /= 1000; unit += 1; }
  return ((unit === 0 ? Math.round(value) : value.toFixed(1)) + ' ' + units[unit]).trim();
};
const bytesOf = (value) => scale(value, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
const countOf = (value) => scale(value, ['', 'k', 'M', 'G', 'T', 'P']);
const shareOf = (part, whole) => {
  const percent = whole > 0 ? 100 * part / whole : 0;
  return percent > 0 && percent < 0.1 ? '< 0.1 %' : (percent < 9.95 ? percent.toFixed(1) : Math.round(percent)) + ' %';
};
const figure = (node) => measure === BYTES ? bytesOf(node[BYTES]) : countOf(node[KEYS]) + ' keys';
const nodeAt = (way) => way.reduce((node, index) => node[CHILDREN][index], root);
const titleOf = (node, parent) => node[LABEL] + '\n' + exact.format(node[KEYS]) + ' keys, ' +
  exact.format(node[BYTES]) + ' bytes, ' + shareOf(node[measure], parent[measure]) + ' of ' + parent[LABEL];

// What is drawn inside a node: its children, the smallest as one, and what is in no child.
const partsOf = (node, most) => {
  const all = node[CHILDREN].map((child, index) => ({ node: child, index, value: child[measure] }));
  all.sort((a, b) => b.value - a.value);
  const shown = all.slice(0, most).filter((part) => part.value > 0);
  const hidden = all.slice(most);
  const rest = [node[REST_KEYS], node[REST_BYTES]];
  for (const { node: child } of hidden) { rest[0] += child[KEYS]; rest[1] += child[BYTES]; }
  const label = hidden.length > 0 ? exact.format(hidden.length) + ' smaller prefixes and other keys' : 'other keys';
  const other = [label, rest[0], rest[1], [], 0, 0];
  if (other[measure] > 0) shown.push({ node: other, index: -1, value: other[measure] });
  return shown.sort((a, b) => b.value - a.value);
};

const worst = (row, sum, side) => {
  const thickness = sum / side;
  return Math.max(...row.map((area) => Math.max(thickness * thickness / area, area / (thickness * thickness))));
};
const layout = (parts, box) => {
  const total = parts.reduce((sum, part) => sum + part.value, 0);
  let { x, y, w, h } = box;
  const unit = total > 0 ? w * h / total : 0;
  const rects = [];
  for (let at = 0; at < parts.length;) {
    const side = Math.max(1e-6, Math.min(w, h));
    const row = [];
    let sum = 0, best = Infinity;
    while (at + row.length < parts.length) {
      const area = Math.max(1e-9, parts[at + row.length].value * unit);
      const next = worst([...row, area], sum + area, side);
      if (next > best) break;
      best = next; sum += area; row.push(area);
    }
    const thick = sum / side;
    let along = 0;
    for (const area of row) {
      const length = area / Math.max(1e-6, thick);
      rects.push(w >= h ? { x, y: y + along, w: thick, h: length } : { x: x + along, y, w: length, h: thick });
      along += length;
    }
    if (w >= h) { x += thick; w -= thick; } else { y += thick; h -= thick; }
    at += row.length;
  }
  return rects;
};
const place = (node, rect) => {
  node.style.left = rect.x + 'px'; node.style.top = rect.y + 'px';
  node.style.width = Math.max(0, rect.w) + 'px'; node.style.height = Math.max(0, rect.h) + 'px';
};

const GAP = 2, HEAD = 22;
const tileOf = (part, rect, parent, colour) => {
  const { node, index } = part;
  const opens = index >= 0 && node[CHILDREN].length > 0;
  const tile = make(opens ? 'button' : 'div', 'tile ' + (index < 0 ? 'rest' : colour));
  if (opens) {
    tile.type = 'button';
    tile.dataset.index = index;
    tile.setAttribute('aria-label', node[LABEL] + ', ' + figure(node) + ', look inside');
  }
  tile.title = titleOf(node, parent);
  const inner = { x: rect.x + GAP / 2, y: rect.y + GAP / 2, w: rect.w - GAP, h: rect.h - GAP };
  place(tile, inner);
  if (inner.w > 34 && inner.h > 16) {
    const head = make('span', 'head');
    head.append(make('bdi', '', node[LABEL]));
    const below = inner.h > 40 && inner.w > 60;
    if (below) head.append(make('small', '', figure(node)));
    tile.append(head);
    const room = { x: 3, y: below ? HEAD + 16 : HEAD, w: inner.w - 8, h: inner.h - (below ? HEAD + 16 : HEAD) - 5 };
    if (opens && room.w > 30 && room.h > 20) inside(tile, node, room);
  }
  return tile;
};
// The level below, to be seen but not touched.
const inside = (tile, node, room) => {
  const parts = partsOf(node, 24);
  const rects = layout(parts, room);
  parts.forEach((part, at) => {
    const rect = rects[at];
    if (rect.w < 3 || rect.h < 3) return;
    const cell = make('span', part.index < 0 ? 'cell rest' : 'cell');
    place(cell, { x: rect.x + 0.5, y: rect.y + 0.5, w: rect.w - 1, h: rect.h - 1 });
    if (rect.w > 44 && rect.h > 16) cell.append(make('bdi', '', part.node[LABEL]));
    tile.append(cell);
  });
};

const stage = make('div', 'stage');
const crumbs = make('ol');
const nav = make('nav', 'crumbs');
nav.setAttribute('aria-label', 'Way to this prefix');
nav.append(crumbs);
const said = make('p', 'sr');
said.setAttribute('aria-live', 'polite');
const switcher = make('div', 'switch');
switcher.setAttribute('role', 'group');
switcher.setAttribute('aria-label', 'Areas show');
for (const [value, name] of [[BYTES, 'Memory'], [KEYS, 'Keys']]) {
  const button = make('button', '', name);
  button.type = 'button';
  button.addEventListener('click', () => { measure = value; draw(); });
  button.dataset.measure = value;
  switcher.append(button);
}
const bar = make('div', 'toolbar');
bar.append(nav, switcher);
map.append(bar, stage, said);
map.hidden = false;

const drawCrumbs = () => {
  crumbs.replaceChildren();
  let node = root;
  const steps = [root, ...path.map((index) => (node = node[CHILDREN][index]))];
  steps.forEach((step, depth) => {
    const item = make('li');
    const last = depth === steps.length - 1;
    const crumb = make(last ? 'b' : 'button');
    crumb.append(make('bdi', '', step[LABEL]));
    if (last) crumb.setAttribute('aria-current', 'location');
    else { crumb.type = 'button'; crumb.addEventListener('click', () => go(path.slice(0, depth))); }
    item.append(crumb);
    crumbs.append(item);
  });
};
const draw = () => {
  const node = nodeAt(path);
  const parts = partsOf(node, MOST_TILES);
  const rects = layout(parts, { x: 0, y: 0, w: stage.clientWidth, h: stage.clientHeight });
  stage.replaceChildren(...parts.map((part, at) => tileOf(part, rects[at], node, 'c' + (at % COLOURS))));
  drawCrumbs();
  drawTable(node);
  for (const button of switcher.children) button.setAttribute('aria-pressed', String(Number(button.dataset.measure) === measure));
};
const cellOf = (className, text, title) => { const cell = make('td', className, text); if (title) cell.title = title; return cell; };
const drawTable = (node) => {
  const body = tableBox.querySelector('tbody');
  const parts = partsOf(node, MOST_ROWS);
  body.replaceChildren(...parts.map((part) => {
    const row = make('tr');
    const key = make('td', 'key');
    const opens = part.index >= 0 && part.node[CHILDREN].length > 0;
    const label = make(opens ? 'button' : 'span', opens ? 'link' : part.index < 0 ? 'soft' : '');
    label.append(make('bdi', '', part.node[LABEL]));
    label.title = part.node[LABEL];
    if (opens) { label.type = 'button'; label.dataset.index = part.index; }
    key.append(label);
    const shape = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const rect = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    shape.setAttribute('class', 'bar c0');
    shape.setAttribute('aria-hidden', 'true');
    rect.setAttribute('width', (node[measure] > 0 ? 100 * part.node[measure] / node[measure] : 0).toFixed(2) + '%');
    rect.setAttribute('height', '100%');
    rect.setAttribute('rx', '2');
    shape.append(rect);
    const barCell = make('td', 'bar wide');
    barCell.append(shape);
    row.append(key, cellOf('num', countOf(part.node[KEYS]), exact.format(part.node[KEYS])),
      cellOf('num', bytesOf(part.node[BYTES]), exact.format(part.node[BYTES]) + ' bytes'),
      cellOf('num wide', shareOf(part.node[BYTES], root[BYTES])), barCell);
    return row;
  }));
};

const show = (way, focus) => {
  path = way;
  draw();
  const node = nodeAt(path);
  said.textContent = node[LABEL] + ': ' + countOf(node[KEYS]) + ' keys, ' + bytesOf(node[BYTES]);
  if (focus !== undefined) (stage.querySelector(focus) ?? stage.querySelector('button') ?? crumbs.querySelector('button'))?.focus();
};
const go = (way) => {
  const left = way.length < path.length ? path[way.length] : undefined;
  try { history.pushState({ way }, ''); } catch { /* a sandboxed frame has no history of its own */ }
  show(way, left === undefined ? 'button' : 'button[data-index="' + left + '"]');
};
addEventListener('popstate', (event) => show(Array.isArray(event.state?.way) ? event.state.way : []));
const enter = (event) => {
  const from = event.target instanceof Element ? event.target.closest('[data-index]') : null;
  if (from !== null) go([...path, Number(from.dataset.index)]);
};
stage.addEventListener('click', enter);
tableBox.addEventListener('click', enter);
map.addEventListener('keydown', (event) => {
  if ((event.key === 'Escape' || event.key === 'Backspace') && path.length > 0) {
    event.preventDefault();
    go(path.slice(0, -1));
  }
});
let width = 0;
new ResizeObserver(() => {
  if (stage.clientWidth === width) return;
  width = stage.clientWidth;
  draw();
}).observe(stage);
draw();
})();
`;

/** What the snapshot holds beside keys, and how the figures came about. */
import type { InspectReport } from '../report.js';
import { formatExact } from './format.js';
import { bytesText, countText, type Html, html, keyText, markup, section, table, text } from './parts.js';

export function serverSection(report: InspectReport): Html {
  const parts = [functionsTable(report), modulesTable(report), auxTable(report)];
  return section('server', 'Beside the keys', '', ...parts);
}

function functionsTable({ functions }: InspectReport): Html {
  if (functions.length === 0) return html('');
  const rows = functions.map(({ name, engine, bytes }) => [keyText(name), text(engine), bytesText(bytes)]);
  const columns = [
    { title: 'Function library', kind: 'key' },
    { title: 'Engine', kind: 'plain' },
    { title: 'Source', kind: 'num' },
  ] as const;
  return markup`<h3>Functions</h3>${table('Function libraries', columns, rows)}`;
}

function modulesTable({ modules }: InspectReport): Html {
  if (modules.length === 0) return html('');
  const rows = modules.map(({ name, keys, bytes, auxRecords, auxBytes }) => [
    keyText(name),
    countText(keys),
    bytesText(bytes),
    auxRecords === 0 ? html('') : markup`${countText(auxRecords)} (${bytesText(auxBytes)})`,
  ]);
  const columns = [
    { title: 'Module type', kind: 'key' },
    { title: 'Keys', kind: 'num' },
    { title: 'Memory', kind: 'num' },
    { title: 'Own records', kind: 'num' },
  ] as const;
  return markup`<h3>Modules</h3>${table('Modules', columns, rows)}`;
}

function auxTable({ aux }: InspectReport): Html {
  if (aux.length === 0) return html('');
  const rows = aux.map(({ name, value }) => [keyText(name), keyText(value)]);
  const columns = [
    { title: 'Field', kind: 'plain' },
    { title: 'Value', kind: 'key' },
  ] as const;
  return markup`<h3>AUX fields</h3>${table('AUX fields', columns, rows)}`;
}

const CHOSEN: Readonly<Record<InspectReport['model']['chosenBy'], string>> = {
  file: 'which wrote the file',
  option: 'as asked for',
  assumed: 'since the file does not say who wrote it',
};

export function footer({ model, sampling }: InspectReport): Html {
  const sampled =
    sampling.every === 1
      ? 'Every key was measured.'
      : `One key in ${formatExact(sampling.every)} was measured (${formatExact(sampling.keysMeasured)} keys), and sums are scaled up.`;
  const modelled = `Memory is modelled after ${model.server} (${model.allocator} allocator), ${CHOSEN[model.chosenBy]}.`;
  return markup`<footer><p>${text(`${modelled} ${sampled} Made by replicant; nothing on this page loads anything from anywhere.`)}</p></footer>`;
}

/** The head of the page: what was looked at, the figures everybody asks for first, and what to be wary of. */
import type { InspectReport, ReportSource } from '../report.js';
import { formatExact, formatShare, formatTime } from './format.js';
import { bytesText, countText, type Html, html, keyText, markup, text } from './parts.js';

const CHECKSUM: Readonly<Record<ReportSource['checksum'], string>> = {
  ok: 'checksum right',
  mismatch: 'checksum wrong',
  absent: 'no checksum',
  disabled: 'no checksum (switched off on the server)',
  unchecked: 'checksum not looked at',
};

export function overview(report: InspectReport): Html {
  const { source, notes, filters } = report;
  const facts = [
    source.server ?? `${source.dialect === 'valkey' ? 'Valkey' : 'Redis'} (release not recorded)`,
    `RDB version ${source.rdbVersion}`,
    source.takenAtMs === null ? 'time not recorded' : `taken ${formatTime(source.takenAtMs)}`,
    CHECKSUM[source.checksum],
  ];
  const chips = filters.map((filter) => markup`<li><code>${text(filter)}</code></li>`);
  const filtered =
    filters.length === 0 ? html('') : markup`<ul class="chips" aria-label="Filters in force">${chips}</ul>`;
  const warnings = notes.map((note) => markup`<li>${text(note)}</li>`);
  const list = notes.length === 0 ? html('') : markup`<ul class="notes">${warnings}</ul>`;
  return markup`<header><p class="eyebrow">Snapshot report</p><h1>${keyText(source.label)}</h1>
<p class="soft">${text(facts.join(' · '))}</p>${filtered}</header>${list}${figures(report)}`;
}

function figures({ totals, source, databases, functions }: InspectReport): Html {
  const { keys, bytes, keysWithTtl, size, elements } = totals;
  const used =
    source.usedMemoryBytes === null
      ? html('as the server would hold it')
      : markup`the server said ${bytesText(source.usedMemoryBytes)} in all`;
  const databaseWord = databases.length === 1 ? 'database' : 'databases';
  const libraries =
    functions.length === 0
      ? ''
      : `, ${functions.length} function ${functions.length === 1 ? 'library' : 'libraries'}`;
  return markup`<dl class="figures">
${figure('Keys', countText(keys), text(`in ${formatExact(databases.length)} ${databaseWord}${libraries}`))}
${figure('Memory', bytesText(bytes), used)}
${figure('In the file', bytesText(source.rdbBytes), text(`${formatShare(source.rdbBytes, bytes)} of the memory`))}
${figure('Elements', countText(elements), keys > 0 ? text(`${(elements / keys).toFixed(1)} per key`) : html(''))}
${figure('Typical key', bytesText(size.p50), markup`99 % are below ${bytesText(size.p99)}, the biggest has ${bytesText(size.max)}`)}
${figure('With a TTL', text(formatShare(keysWithTtl, keys)), markup`${countText(keysWithTtl)} keys`)}
</dl>`;
}

function figure(name: string, value: Html, more: Html): Html {
  return markup`<div><dt>${text(name)}</dt><dd><b>${value}</b><span class="soft">${more}</span></dd></div>`;
}

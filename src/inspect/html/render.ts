/**
 * The report as one HTML file: style, script and data inside, nothing loaded from anywhere, which a content
 * security policy with the hashes of the two enforces. Readable without scripts, except that the treemap is
 * a table then. The text is the same for the same report.
 */
import { createHash } from 'node:crypto';
import type { InspectReport } from '../report.js';
import { composition } from './composition.js';
import { accessPatterns, sizeDistribution, ttlDistribution } from './distributions.js';
import { visibleText } from './escape.js';
import { biggestKeys } from './keys.js';
import { overview } from './overview.js';
import { html, markup, text } from './parts.js';
import { footer, serverSection } from './server.js';
import { slotSkew } from './slots.js';
import { STYLE } from './style.js';
import { treemap } from './treemap.js';
import { TREEMAP_SCRIPT } from './treemap-script.js';

export function renderHtml(report: InspectReport): string {
  const policy = [
    "default-src 'none'",
    `style-src '${hashOf(STYLE)}'`,
    `script-src '${hashOf(TREEMAP_SCRIPT)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${html(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${text(visibleText(report.source.label))} · snapshot report</title>
<style>${html(STYLE)}</style>
</head>
<body>
${overview(report)}
<main>
${treemap(report)}
${composition(report)}
${biggestKeys(report)}
${sizeDistribution(report)}
${ttlDistribution(report)}
${accessPatterns(report)}
${slotSkew(report)}
${serverSection(report)}
</main>
${footer(report)}
<script>${html(TREEMAP_SCRIPT)}</script>
</body>
</html>
`;
}

function hashOf(content: string): string {
  return `sha256-${createHash('sha256').update(content).digest('base64')}`;
}

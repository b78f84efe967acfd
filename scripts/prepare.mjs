/**
 * Makes a fresh clone ready for its tests: dependencies, build, and the real servers and browser they run
 * with. What is there already is left as it is, so a second call takes a moment. What can't be had is said,
 * and its tests are skipped.
 */
import { prepare } from './demo/prepare.mjs';
import { fetchChromium } from './lib/chromium.mjs';
import { surveyServers } from './servers.mjs';

/** @param {string} line */
const log = (line) => console.error(line);

prepare(log);
const { servers, missing } = await surveyServers({ log });
log(`servers: ${servers.map(({ id }) => id).join(', ') || 'none'}`);
for (const { series, why } of missing) log(`no ${series}: ${why} (its tests are skipped)`);
const chromium = process.env.REPLICANT_NO_BROWSER ? 'REPLICANT_NO_BROWSER is set' : await fetchChromium(log);
if (typeof chromium === 'string') log(`no browser: ${chromium} (its tests are skipped)`);

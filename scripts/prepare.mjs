/**
 * Makes a fresh clone ready for its tests: dependencies, build, and the real servers they run against.
 * What is there already is left as it is, so a second call takes a moment.
 */
import { prepare } from './demo/prepare.mjs';
import { surveyServers } from './servers.mjs';

/** @param {string} line */
const log = (line) => console.error(line);

prepare(log);
const { servers, missing } = await surveyServers({ log });
log(`servers: ${servers.map(({ id }) => id).join(', ') || 'none'}`);
for (const { series, why } of missing) log(`no ${series}: ${why} (its tests are skipped)`);

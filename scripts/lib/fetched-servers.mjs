/**
 * The version matrix from the distribution's own suites: each server's packages and the libraries they need
 * are downloaded by a private apt and unpacked into the cache, where they run without being installed.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createApt, detectDistribution, extractDeb, listMirrors } from './apt.mjs';
import { describeBinary } from './server-binary.mjs';
import { CACHE_DIR, readManifest, removeLeftovers, withLock, writeManifest } from './server-cache.mjs';

/** @typedef {import('../servers.mjs').ServerBinary} ServerBinary */
/** @typedef {import('../servers.mjs').MissingServer} MissingServer */
/** @typedef {import('./server-cache.mjs').Manifest} Manifest */
/** @typedef {{series: string, package: string}} Row */
/** @typedef {{name: string, releases: string[], components: string[], rows: Row[]}} SuiteGroup */

const NO_MIRROR = 'apt-get indextargets reports no mirror of this distribution';
/** How long a failed download is not tried again, so that a machine without a network does not wait each time. */
const FAILURE_MEMORY_MS = 60 * 60 * 1000;

/** @type {readonly SuiteGroup[]} */
const DEBIAN_SUITES = [
  group('bullseye', [], { 'redis-6.0': 'redis-server' }),
  group('bookworm', ['bookworm-backports'], { 'redis-7.0': 'redis-server', 'valkey-8.0': 'valkey-server' }),
  group('trixie', [], { 'redis-8.0': 'redis-server', 'valkey-8.1': 'valkey-server' }),
  group('sid', [], { 'redis-8.0': 'redis-server', 'valkey-9.1': 'valkey-server' }),
];

/** @returns {SuiteGroup} */
function group(name, more, rows, components = ['main']) {
  const list = Object.entries(rows).map(([series, pkg]) => ({ series, package: pkg }));
  return { name, releases: [name, ...more], components, rows: list };
}

/**
 * @param {import('./apt.mjs').Distribution} distribution
 * @returns {readonly SuiteGroup[]}
 */
function planSuites({ name, codename }) {
  if (name === 'debian') return DEBIAN_SUITES;
  const rows = { redis: 'redis-server', valkey: 'valkey-server' };
  return [group(codename, [`${codename}-updates`], rows, ['main', 'universe'])];
}

/**
 * What the suites have, from the cache or fetched now. One suite failing leaves the others.
 * @param {{fetch?: boolean, retry?: boolean, refresh?: boolean, have?: ReadonlySet<string>, log?: (line: string) => void}} [options]
 *   `have`: series that need not be fetched · `retry`: also what failed a short while ago · `refresh`: everything anew
 * @returns {Promise<{servers: ServerBinary[], missing: MissingServer[]}>}
 */
export async function fetchServers({
  fetch = true,
  retry = false,
  refresh = false,
  have = new Set(),
  log = () => {},
} = {}) {
  const distribution = await detectDistribution();
  if (typeof distribution === 'string')
    return { servers: [], missing: [{ series: 'all', why: distribution }] };
  const wanted = planSuites(distribution).map((suite) => ({
    ...suite,
    rows: suite.rows.filter((row) => !have.has(row.series)),
  }));
  let manifest = await readManifest(distribution.arch);
  const isOpen = (suite, row) => needsFetch(manifest, keyOf(suite, row), { retry, refresh });
  if (fetch && wanted.some((suite) => suite.rows.some((row) => isOpen(suite, row)))) {
    try {
      manifest = await withLock(async () => {
        manifest = await readManifest(distribution.arch);
        const open = wanted.map((suite) => ({
          ...suite,
          rows: suite.rows.filter((row) => isOpen(suite, row)),
        }));
        return fetchSuites(
          open.filter((suite) => suite.rows.length > 0),
          distribution,
          manifest,
          log,
        );
      });
    } catch (error) {
      const why = `cannot fetch into ${relative(process.cwd(), CACHE_DIR)}: ${lineOf(error)}`;
      return { ...summarize(manifest, wanted, why) };
    }
  }
  return summarize(manifest, wanted, 'not in the cache, and fetching was not asked for');
}

/** @param {SuiteGroup} suite @param {Row} row */
function keyOf(suite, row) {
  return `${suite.name}/${row.package}`;
}

function needsFetch(manifest, key, { retry, refresh }) {
  if (refresh || manifest.servers[key] === undefined) {
    const failure = manifest.failures[key];
    return refresh || retry || failure === undefined || Date.now() - failure.at > FAILURE_MEMORY_MS;
  }
  return false;
}

/** @returns {{servers: ServerBinary[], missing: MissingServer[]}} */
function summarize(manifest, wanted, otherwise) {
  const servers = [];
  const missing = [];
  for (const suite of wanted) {
    for (const row of suite.rows) {
      const key = keyOf(suite, row);
      const server = manifest.servers[key];
      if (server !== undefined) servers.push(server);
      else missing.push({ series: row.series, why: `${key}: ${manifest.failures[key]?.why ?? otherwise}` });
    }
  }
  return { servers, missing };
}

/**
 * @param {readonly SuiteGroup[]} suites
 * @param {import('./apt.mjs').Distribution} distribution
 * @param {Manifest} manifest
 * @returns {Promise<Manifest>}
 */
async function fetchSuites(suites, distribution, manifest, log) {
  await removeLeftovers();
  const mirrors = await listMirrors(distribution);
  const updated = { ...manifest, servers: { ...manifest.servers }, failures: { ...manifest.failures } };
  const record = (suite, row, outcome) => {
    const key = keyOf(suite, row);
    log(`${key}: ${typeof outcome === 'string' ? outcome : outcome.id}`);
    if (typeof outcome === 'string')
      updated.failures[key] = { why: outcome, series: row.series, at: Date.now() };
    else {
      updated.servers[key] = outcome;
      delete updated.failures[key];
    }
    writeManifest(updated);
  };
  await Promise.all(suites.map((suite) => fetchSuite(suite, { mirrors, distribution, log, record })));
  return updated;
}

/** Tries the mirrors in turn; every row of the suite ends in `record`, as a server or as a reason. */
async function fetchSuite(suite, { mirrors, distribution, log, record }) {
  const reasons = [];
  for (const mirror of mirrors) {
    const work = await mkdtemp(join(CACHE_DIR, 'work-'));
    try {
      log(`${suite.name}: reading the package lists`);
      const setup = { mirror, releases: suite.releases, components: suite.components, distribution };
      const apt = await createApt(join(work, 'apt'), setup);
      await apt.update();
      const versions = await apt.candidates(suite.rows.map((row) => row.package));
      for (const row of suite.rows) {
        const context = { apt, work, distribution, version: versions.get(row.package) };
        record(suite, row, await fetchRow(suite, row, context).catch(lineOf));
      }
      return;
    } catch (error) {
      reasons.push(lineOf(error));
    } finally {
      await rm(work, { recursive: true, force: true, maxRetries: 3 });
    }
  }
  for (const row of suite.rows) record(suite, row, reasons[0] ?? NO_MIRROR);
}

/** @returns {Promise<ServerBinary | string>} */
async function fetchRow(suite, row, { apt, work, distribution, version }) {
  if (version === undefined) return `the suite has no package ${row.package}`;
  const tools = row.package.replace('-server', '-tools');
  const names = await apt.runtimeClosure([row.package, tools]);
  const debs = await apt.download(names);
  const root = join(work, row.package);
  await mkdir(root);
  for (const name of names) {
    const deb = debs.get(name);
    if (deb !== undefined) await extractDeb(deb, root);
  }
  await pruneTree(root, distribution);
  const origin = `${distribution.name} ${suite.name}, ${row.package} ${version}`;
  const trial = await describeTree(root, row.package, distribution, origin);
  if (typeof trial === 'string') return trial;
  const home = join(CACHE_DIR, `${trial.id}_${suite.name}`);
  await rm(home, { recursive: true, force: true });
  await rename(root, home);
  return describeTree(home, row.package, distribution, origin);
}

/** Documentation, locales and character sets are most of the bytes and none of the function. */
async function pruneTree(root, { multiarch }) {
  const waste = ['usr/share', `usr/lib/${multiarch}/gconv`, `lib/${multiarch}/gconv`, 'etc', 'var'];
  await Promise.all(waste.map((dir) => rm(join(root, dir), { recursive: true, force: true })));
}

/** @returns {Promise<ServerBinary | string>} */
async function describeTree(root, server, { multiarch }, origin) {
  const libraryDirs = ['lib', 'usr/lib'].flatMap((dir) => [join(root, dir, multiarch), join(root, dir)]);
  const loader = await findLoader(libraryDirs);
  if (loader === undefined) return 'its libc6 package has no ld-linux*.so';
  const prefix = [loader, '--library-path', libraryDirs.filter((dir) => existsSync(dir)).join(':')];
  return describeBinary({ prefix, dir: join(root, 'usr/bin'), server, origin });
}

/** The one beside the libraries: `/lib64/ld-linux…` is an absolute link, which would lead out of the tree. */
async function findLoader(dirs) {
  for (const dir of dirs) {
    const names = await readdir(dir).catch(() => []);
    const name = names.find((entry) => /^(ld-linux.*|ld64)\.so\.\d+$/.test(entry));
    if (name !== undefined && existsSync(join(dir, name))) return join(dir, name);
  }
  return undefined;
}

/** @param {unknown} error */
function lineOf(error) {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
}

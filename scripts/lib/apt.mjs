/**
 * A private apt: its own sources, lists, caches and (empty) dpkg status in one directory, so that packages of
 * any suite can be looked up and downloaded without changing the machine and without being root.
 *
 * Only the way to the mirrors is taken from the system: the addresses that `apt-get indextargets` reports
 * (also before any list was fetched, as in a fresh container), the proxy and transport settings of its
 * configuration, and its keyrings. Packages that those keys do not vouch for are refused, not waved through.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf, run } from './run.mjs';

const UPDATE_TIMEOUT_MS = 180_000;
const DOWNLOAD_TIMEOUT_MS = 180_000;
const QUERY_TIMEOUT_MS = 60_000;

/** Packages whose files a server can need at run time; everything else in a dependency tree is system setup. */
const RUNTIME_PACKAGE = /^(lib|zlib1g$|lua-|redis-|valkey-)/;

/**
 * @typedef {object} Distribution
 * @property {'debian' | 'ubuntu'} name
 * @property {string} codename of the running system
 * @property {string} arch dpkg's name, e.g. amd64
 * @property {string} multiarch library directory name, e.g. x86_64-linux-gnu
 */

/** @typedef {{uri: string, signedBy: string}} Mirror */

/**
 * Which Debian or Ubuntu this is, or one line saying why packages cannot be had here.
 * @returns {Promise<Distribution | string>}
 */
export async function detectDistribution() {
  const release = parsePairs(await readFile('/etc/os-release', 'utf8').catch(() => ''), '=');
  const name = release.get('UBUNTU_CODENAME') === undefined ? release.get('ID') : 'ubuntu';
  if (name !== 'debian' && name !== 'ubuntu') return 'not a Debian or Ubuntu system';
  const arch = await run('dpkg', ['--print-architecture']);
  if (arch.code !== 0) return `dpkg does not work here: ${reasonOf(arch)}`;
  const codename = release.get('UBUNTU_CODENAME') ?? release.get('VERSION_CODENAME') ?? 'sid';
  return { name, codename, arch: arch.stdout.trim(), multiarch: multiarchOf(arch.stdout.trim()) };
}

/** @param {string} arch */
function multiarchOf(arch) {
  const cpu = { amd64: 'x86_64', arm64: 'aarch64', ppc64el: 'powerpc64le', i386: 'i386' }[arch] ?? arch;
  return arch === 'armhf' ? 'arm-linux-gnueabihf' : `${cpu}-linux-gnu`;
}

/**
 * The addresses this machine gets its distribution from: those that its lists show to be the distribution's,
 * then those that merely look so, in the order of its sources.
 * @param {Distribution} distribution
 * @returns {Promise<Mirror[]>}
 */
export async function listMirrors(distribution) {
  const query = ['indextargets', 'Created-By: Packages'];
  const known = await run('apt-get', query);
  const configured = await run('apt-get', [...query, '--no-release-info']);
  /** @type {Map<string, Mirror>} */
  const mirrors = new Map();
  for (const stanza of `${known.stdout}\n\n${configured.stdout}`.split('\n\n')) {
    const target = parsePairs(stanza, ':');
    const uri = target.get('Repo-URI') ?? '';
    if (!isDistributionMirror(target, distribution) || !/^(https?|ftp|file|mirror\S*):/.test(uri)) continue;
    if (!mirrors.has(uri)) mirrors.set(uri, { uri, signedBy: target.get('Signed-By') ?? '' });
  }
  return [...mirrors.values()];
}

/** The security archive and third parties carry no whole suites; `Origin` is known only from lists. */
function isDistributionMirror(target, { name, codename }) {
  const origin = target.get('Origin');
  if (origin !== undefined && origin.toLowerCase() !== name) return false;
  const release = target.get('Release') ?? '';
  const suites = [codename, 'sid', 'unstable', 'testing', 'stable', 'oldstable'];
  const pockets = ['', '-updates', '-backports'];
  const isSuite = suites.some((suite) => pockets.some((pocket) => release === `${suite}${pocket}`));
  return isSuite && target.get('Component') === 'main';
}

/** `Key: value` or `KEY="value"` lines. */
function parsePairs(text, separator) {
  /** @type {Map<string, string>} */
  const pairs = new Map();
  for (const line of text.split('\n')) {
    const at = line.indexOf(separator);
    if (at <= 0) continue;
    const value = line.slice(at + 1).trim();
    pairs.set(line.slice(0, at), value.replace(/^"(.*)"$/, '$1'));
  }
  return pairs;
}

/**
 * Lays out a private apt directory for some suites of one mirror.
 * @param {string} root an empty directory, absolute
 * @param {{mirror: Mirror, releases: readonly string[], components: readonly string[], distribution: Distribution}} setup
 * @returns {Promise<PrivateApt>}
 */
export async function createApt(root, { mirror, releases, components, distribution }) {
  const at = (...parts) => join(root, ...parts);
  const dirs = ['lists/partial', 'archives/partial', 'state', 'cache', 'parts', 'none', 'debs'];
  await Promise.all(dirs.map((dir) => mkdir(at(dir), { recursive: true })));
  const archiveKeys = `/usr/share/keyrings/${distribution.name}-archive-keyring.gpg`;
  const keyring = existsSync(archiveKeys) ? archiveKeys : mirror.signedBy;
  const options = [`arch=${distribution.arch}`, 'target=Packages'];
  if (keyring !== '') options.push(`signed-by=${keyring.split(/\s+/).join(',')}`);
  const lines = releases.map(
    (name) => `deb [${options.join(' ')}] ${mirror.uri} ${name} ${components.join(' ')}`,
  );
  const system = await run('apt-config', ['shell', 'PARTS', 'Dir::Etc::parts/d']);
  const systemParts = /'(.*)'/.exec(system.stdout)?.[1] ?? '/etc/apt/apt.conf.d/';
  // The system's settings are kept for proxies and transports; its hooks act on the system and are dropped.
  const parts = existsSync(systemParts) ? `#include ${systemParts};\n` : '';
  await Promise.all([
    writeFile(at('sources.list'), `${lines.join('\n')}\n`),
    writeFile(at('status'), ''),
    writeFile(at('parts', '00.conf'), `${parts}#clear APT::Update;\n#clear DPkg;\n`),
    writeFile(at('apt.conf'), `Dir::Etc::parts "${at('parts')}";\n`),
  ]);
  return new PrivateApt(root);
}

/** Commands against one private apt directory. Every method throws an Error of one line. */
export class PrivateApt {
  /** @param {string} root */
  constructor(root) {
    this.root = root;
    const settings = {
      'Dir::State': join(root, 'state'),
      'Dir::State::lists': join(root, 'lists'),
      'Dir::State::status': join(root, 'status'),
      'Dir::Cache': join(root, 'cache'),
      'Dir::Cache::archives': join(root, 'archives'),
      'Dir::Cache::pkgcache': 'pkgcache.bin',
      'Dir::Cache::srcpkgcache': 'srcpkgcache.bin',
      'Dir::Etc::sourcelist': join(root, 'sources.list'),
      'Dir::Etc::sourceparts': join(root, 'none'),
      'Dir::Etc::preferences': join(root, 'none', 'preferences'),
      'Dir::Etc::preferencesparts': join(root, 'none'),
      'Acquire::Languages': 'none',
      'Acquire::Retries': '2',
      'Acquire::http::Timeout': '20',
      'Acquire::https::Timeout': '20',
      'APT::Get::AllowUnauthenticated': 'false',
      'Acquire::AllowInsecureRepositories': 'false',
    };
    // As root apt would drop to its own user, who may not enter this directory.
    if (process.getuid?.() === 0) settings['APT::Sandbox::User'] = 'root';
    this.options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  }

  /** @private */
  async apt(tool, args, timeoutMs, cwd = this.root) {
    const env = { APT_CONFIG: join(this.root, 'apt.conf'), DEBIAN_FRONTEND: 'noninteractive' };
    const result = await run(tool, [...this.options, ...args], { cwd, env, timeoutMs });
    if (result.code !== 0) throw new Error(reasonOf(result));
    return result.stdout;
  }

  async update() {
    await this.apt('apt-get', ['update', '-q', '-o', 'APT::Update::Error-Mode=any'], UPDATE_TIMEOUT_MS);
  }

  /**
   * The version apt would take for each package; a package the suites do not have is absent.
   * @param {readonly string[]} names
   * @returns {Promise<Map<string, string>>}
   */
  async candidates(names) {
    const output = await this.apt('apt-cache', ['policy', ...names], QUERY_TIMEOUT_MS);
    /** @type {Map<string, string>} */
    const found = new Map();
    for (const block of output.split(/\n(?=\S)/)) {
      const name = /^(\S+):$/m.exec(block)?.[1];
      const version = /Candidate: (\S+)/.exec(block)?.[1];
      if (name !== undefined && version !== undefined && version !== '(none)') found.set(name, version);
    }
    return found;
  }

  /**
   * A package and the libraries and tools it needs, all the way down; of alternatives every one is taken.
   * @param {readonly string[]} roots
   * @returns {Promise<string[]>}
   */
  async runtimeClosure(roots) {
    const flags = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
      (w) => `--no-${w}`,
    );
    const output = await this.apt(
      'apt-cache',
      ['depends', '--recurse', ...flags, ...roots],
      QUERY_TIMEOUT_MS,
    );
    const graph = parseDepends(output);
    const seen = new Set(roots);
    for (const name of seen) {
      for (const next of graph.get(name) ?? []) {
        if (RUNTIME_PACKAGE.test(next) && graph.has(next)) seen.add(next);
      }
    }
    return [...seen];
  }

  /**
   * Downloads packages into the private directory.
   * @param {readonly string[]} names
   * @returns {Promise<Map<string, string>>} package name → path of its .deb
   */
  async download(names) {
    const dir = join(this.root, 'debs');
    await this.apt('apt-get', ['download', '-q', ...names], DOWNLOAD_TIMEOUT_MS, dir);
    const files = (await readdir(dir)).filter((file) => file.endsWith('.deb'));
    return new Map(files.map((file) => [file.slice(0, file.indexOf('_')), join(dir, file)]));
  }
}

/** `apt-cache depends`: a package at column 0, its dependencies indented; `<name>` is a virtual package. */
export function parseDepends(output) {
  /** @type {Map<string, string[]>} */
  const graph = new Map();
  /** @type {string[]} */
  let current = [];
  for (const line of output.split('\n')) {
    const dependency = /^[ |]+(?:Pre)?Depends: (\S+)/.exec(line)?.[1];
    if (dependency !== undefined) current.push(dependency);
    else if (/^[^\s<]/.test(line)) graph.set(line.trim(), (current = []));
  }
  return graph;
}

/**
 * Unpacks a .deb, maintainer scripts and all system changes left out.
 * @param {string} deb
 * @param {string} into
 */
export async function extractDeb(deb, into) {
  const result = await run('dpkg', ['-x', deb, into], { timeoutMs: QUERY_TIMEOUT_MS });
  if (result.code !== 0) throw new Error(reasonOf(result));
}

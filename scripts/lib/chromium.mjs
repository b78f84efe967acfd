/**
 * A Chromium for the browser tests: the machine's own, or Debian's package with its libraries, unpacked
 * into the cache, where it runs without being installed (about 450 MB; nothing on the machine changes).
 *
 *   node scripts/lib/chromium.mjs       fetch it into .cache/chromium when the machine has none
 *
 * `findChromium` only looks; the tests skip visibly when it finds nothing.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createApt, detectDistribution, extractDeb, listMirrors } from './apt.mjs';
import { run } from './run.mjs';

/** @typedef {{path: string, env: Record<string, string>, version: string}} Chromium */

const CACHE_DIR = fileURLToPath(new URL('../../.cache/chromium', import.meta.url));
const HOME = join(CACHE_DIR, 'unpacked');
const INSTALLED = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const PACKAGES = ['chromium', 'chromium-common', 'fonts-liberation', 'fonts-dejavu-core'];
/** The machine's own C library serves; graphics drivers are not needed without a GPU. */
const LEFT_OUT = /^(libc6|libllvm|libgl1-mesa-dri|libz3|mesa-)/;
const UNPACKED_PROGRAM = 'usr/lib/chromium/chromium';
const TRIAL_TIMEOUT_MS = 20_000;

/** Where to run it from, or one line saying why there is none. */
export async function findChromium() {
  const installed = [process.env.REPLICANT_CHROMIUM ?? '', ...INSTALLED].find((path) => existsSync(path));
  if (installed !== undefined) return describe(installed, {});
  const path = join(HOME, UNPACKED_PROGRAM);
  if (!existsSync(path)) return 'no chromium here: install it, or run node scripts/lib/chromium.mjs';
  return describe(path, unpackedEnvironment());
}

/** Fetches it when there is none. @param {(line: string) => void} log */
export async function fetchChromium(log) {
  const found = await findChromium();
  if (typeof found !== 'string') return found;
  const distribution = await detectDistribution();
  if (typeof distribution === 'string') return distribution;
  if (distribution.name !== 'debian') return 'only Debian has chromium as a package';
  /** @type {string[]} */
  const reasons = [];
  for (const mirror of await listMirrors(distribution)) {
    await mkdir(CACHE_DIR, { recursive: true });
    const work = await mkdtemp(join(CACHE_DIR, 'work-'));
    try {
      await unpack(work, mirror, distribution, log);
      return await findChromium();
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    } finally {
      await rm(work, { recursive: true, force: true, maxRetries: 3 });
    }
  }
  return reasons[0] ?? 'apt-get indextargets reports no mirror of this distribution';
}

async function unpack(work, mirror, distribution, log) {
  const setup = { mirror, releases: [distribution.codename], components: ['main'], distribution };
  const apt = await createApt(join(work, 'apt'), setup);
  log('chromium: reading the package lists');
  await apt.update();
  const names = (await apt.runtimeClosure(PACKAGES)).filter((name) => !LEFT_OUT.test(name));
  log(`chromium: downloading ${names.length} packages`);
  const debs = await apt.download(names);
  const root = join(work, 'root');
  await mkdir(root);
  for (const name of names) {
    const deb = debs.get(name);
    if (deb !== undefined) await extractDeb(deb, root);
  }
  await writeFile(join(root, 'libraries'), `${distribution.multiarch}\n`);
  await Promise.all(
    ['usr/share/doc', 'usr/share/locale', 'usr/share/icons', 'usr/share/man'].map((dir) =>
      rm(join(root, dir), { recursive: true, force: true }),
    ),
  );
  await rm(HOME, { recursive: true, force: true });
  await rename(root, HOME);
  await writeFile(join(HOME, 'fonts.conf'), fontSettings());
}

/** Only the unpacked fonts, so that pictures look the same everywhere. */
function fontSettings() {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(HOME, 'usr/share/fonts')}</dir>
  <cachedir>${join(CACHE_DIR, 'fontcache')}</cachedir>
  <alias><family>sans-serif</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias><family>system-ui</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`;
}

function unpackedEnvironment() {
  const multiarch = readFileSync(join(HOME, 'libraries'), 'utf8').trim();
  const libraries = ['lib', 'usr/lib'].map((dir) => join(HOME, dir, multiarch));
  libraries.push(join(HOME, 'usr/lib', multiarch, 'pulseaudio'));
  return { LD_LIBRARY_PATH: libraries.join(':'), FONTCONFIG_FILE: join(HOME, 'fonts.conf') };
}

/** @returns {Promise<Chromium | string>} */
async function describe(path, env) {
  const trial = await run(path, ['--version', '--no-sandbox'], { env, timeoutMs: TRIAL_TIMEOUT_MS });
  const version = /Chrom\S* ([\d.]+)/.exec(trial.stdout)?.[1];
  if (version !== undefined) return { path, env, version };
  return `${path} does not run: ${trial.failure ?? trial.stderr.trim().split('\n')[0]}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const result = await fetchChromium((line) => console.error(line));
  console.log(typeof result === 'string' ? result : `${result.path} ${result.version}`);
  process.exitCode = typeof result === 'string' ? 1 : 0;
}

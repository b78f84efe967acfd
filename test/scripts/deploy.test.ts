/** The examples for containers: what they say to the program is understood by it, and what they copy is there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { environmentName } from '../../src/config/option-table.js';
import { resolveSyncCommand } from '../../src/config/sync-command-options.js';
import { SYNC_OPTIONS } from '../../src/config/sync-options.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const KUBERNETES = read('scripts/deploy/kubernetes.yaml');
const DOCKERFILE = read('scripts/deploy/Dockerfile');

/** As far as they are looked at here. */
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly volumeMounts: readonly { readonly mountPath: string }[];
}
interface Kubernetes {
  readonly kind: string;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly replicas: number;
    readonly template: { readonly spec: { readonly containers: readonly Container[] } };
  };
}

const documents = parseAllDocuments(KUBERNETES);
const objects: readonly Kubernetes[] = documents.map((document) => document.toJS());
const ofKind = (kind: string): Kubernetes => objects.find((one) => one.kind === kind)!;
const container = (): Container => ofKind('StatefulSet').spec!.template.spec.containers[0]!;

/** `--name=value` → name and value. */
function flagsOf(args: readonly string[]): Record<string, string> {
  const pairs = args.filter((arg) => arg.startsWith('--')).map((arg) => /^--([^=]+)=(.*)$/u.exec(arg));
  return Object.fromEntries(pairs.map((pair) => [pair![1]!, pair![2]!]));
}

describe('kubernetes.yaml', () => {
  test('is YAML, with what it takes', () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    expect(objects.map(({ kind }) => kind)).toEqual([
      'Secret',
      'Service',
      'StatefulSet',
      'PodDisruptionBudget',
    ]);
  });

  test('names options that there are, in comments too', () => {
    const options = [...KUBERNETES.matchAll(/--([a-z][a-z-]+)/gu)].map(([, name]) => name);
    expect(options.length).toBeGreaterThan(8);
    expect(options.filter((name) => !Object.hasOwn(SYNC_OPTIONS, name!))).toEqual([]);
    const known = [...Object.keys(SYNC_OPTIONS), 'source-password', 'target-password'].map(environmentName);
    const variables = [...KUBERNETES.matchAll(/\bREPLICANT_[A-Z_]+/gu)].map(([name]) => name);
    expect(variables.filter((name) => !known.includes(name))).toEqual([]);
  });

  test('gives each pod its share, and each value as the program wants it', () => {
    const { args, env } = container();
    const { replicas } = ofKind('StatefulSet').spec!;
    const [command, source, target] = args;
    expect(command).toBe('sync');
    expect(env.map(({ name }) => name)).toContain('POD_INDEX');
    for (let index = 0; index < replicas; index++) {
      const words = args.map((arg) => arg.replace('$(POD_INDEX)', String(index)));
      const { sync, http } = resolveSyncCommand(
        { source, target, ...flagsOf(words) },
        { env: ofKind('Secret').stringData!, terminal: false, readFile: () => new Uint8Array(0) },
      );
      expect(sync.cluster).toMatchObject({ shardIndex: index, shardCount: replicas });
      expect([sync.source.password, sync.target.password]).toEqual(['change-me', 'change-me']);
      expect(sync.stateDir?.startsWith(container().volumeMounts[0]!.mountPath)).toBe(true);
      expect(http?.port).toBe(container().ports[0]!.containerPort);
    }
  });

  test('asks for its health where it is told', () => {
    const { readinessProbe, livenessProbe, ports } = container();
    for (const { httpGet } of [readinessProbe, livenessProbe]) {
      expect(httpGet.path).toBe('/healthz');
      expect(ports.map(({ name }) => name)).toContain(httpGet.port);
    }
  });
});

describe('Dockerfile', () => {
  test('copies what is there', () => {
    const copied = [...DOCKERFILE.matchAll(/^COPY (?!--from)(.*) \S+$/gmu)].flatMap(([, words]) =>
      words!.split(' '),
    );
    expect(copied).toContain('src');
    expect(copied.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test('starts what is built', () => {
    const [, words] = /^ENTRYPOINT (.*)$/mu.exec(DOCKERFILE)!;
    const { bin, scripts } = JSON.parse(read('package.json'));
    expect(JSON.parse(words!)).toEqual(['node', bin.replicant]);
    expect(DOCKERFILE).toContain('npm run build');
    expect(scripts.build).toContain('tsc');
  });

  test('keeps the state where the pods have their volume, and is not root', () => {
    const [, volume] = /^VOLUME (.*)$/mu.exec(DOCKERFILE)!;
    expect(volume).toBe(container().volumeMounts[0]!.mountPath);
    expect(DOCKERFILE).toMatch(/^USER node$/mu);
  });
});

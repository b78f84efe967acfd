/**
 * What the nodes of real clusters answered (`fixtures/cluster`): three primaries with a replica each, asked of the
 * first. `plain`; `migrating` and `importing` with slot 93 on its way, the latter asked of the second; `hostname` and
 * `unknown` under that `cluster-preferred-endpoint-type`, with slot 93 still on its way; `takeover` after the third
 * replica took over; `death` after the second primary died and its replica was elected.
 */
import { readFileSync } from 'node:fs';
import type { Reply } from '../../src/resp/reply-decoder.js';
import { buildClusterMap, type ClusterAnswers } from '../../src/topology/build-cluster-map.js';
import type { ClusterMap } from '../../src/topology/cluster-map.js';

export const CAPTURED = ['redis-6.0.16', 'redis-7.0.15', 'redis-8.0.6', 'valkey-9.1.2'] as const;

type Json = string | number | null | readonly Json[];

interface Scene {
  readonly nodes?: readonly string[];
  readonly info?: readonly string[];
  readonly shards?: Json;
  readonly slots?: Json;
  readonly myshardid?: string;
}

export function scenesOf(id: string): Readonly<Record<string, Scene>> {
  const path = new URL(`../../fixtures/cluster/${id}.json`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, Scene>;
}

const encoder = new TextEncoder();

/** As RESP2 has it. */
export function bulk(value: Json): Reply {
  if (typeof value === 'string') return encoder.encode(value);
  if (typeof value === 'number' || value === null) return value;
  return value.map(bulk);
}

export function answersOf(scene: Scene, more: Partial<ClusterAnswers> = {}): ClusterAnswers {
  const reply = (value: Json | undefined): Reply | undefined =>
    value === undefined ? undefined : bulk(value);
  return {
    nodes: reply(scene.nodes?.join('\n')),
    shards: reply(scene.shards),
    info: reply(scene.info?.join('\r\n')),
    myShardId: reply(scene.myshardid),
    slots: reply(scene.slots),
    askedHost: 'asked.example',
    tls: false,
    reach: (host, port) => ({ host, port }),
    ...more,
  };
}

export function mapOf(answers: ClusterAnswers): ClusterMap {
  const map = buildClusterMap(answers);
  if (map === undefined) throw new Error('no map came of these answers');
  return map;
}

/* oxlint-disable vitest/no-standalone-expect -- a helper checks itself */
/** What the engine's parts are built from in tests. */
import { expect } from 'vitest';
import { BUILTIN_COMMANDS } from '../../src/keyspace/command-table.js';
import { createDbMap } from '../../src/keyspace/db-map.js';
import { createKeyFilter } from '../../src/keyspace/key-filter.js';
import { StreamApplier, type StreamApplierOptions } from '../../src/sync/stream-applier.js';
import { Tally } from '../../src/sync/tally.js';
import { parseVersion } from '../../src/sync/server-info.js';
import { capabilitiesOf, type Capabilities } from '../../src/target/capabilities.js';
import type { FailedCommand } from '../../src/target/failed-command.js';
import { Pipeline, type PipelineOptions } from '../../src/target/pipeline.js';
import { filterOptions } from '../keyspace/support.js';
import { arrivals, placed } from '../resp/support.js';
import { type Answer, FakeTarget, text } from '../target/support.js';

/** `redis 7.0.15` → what it can do. */
export function serverNamed(name: string): Capabilities {
  const [family, version] = name.split(' ') as ['redis' | 'valkey', string];
  return capabilitiesOf({ family, version: parseVersion(version) });
}

export interface ApplierBench {
  readonly target: FakeTarget;
  readonly pipeline: Pipeline;
  readonly applier: StreamApplier;
  readonly tally: Tally;
  readonly failed: FailedCommand[];
  readonly acks: number[];
  readonly reports: string[];
}

type Given = Partial<StreamApplierOptions> & {
  readonly pipe?: Partial<PipelineOptions>;
  readonly answer?: Answer;
};

export function applierBench({ pipe, answer, ...given }: Given = {}): ApplierBench {
  const target = new FakeTarget(answer);
  const tally = new Tally();
  const failed: FailedCommand[] = [];
  const acks: number[] = [];
  const reports: string[] = [];
  const pipeline = new Pipeline(target, { onError: (one) => failed.push(one), onDrain: () => {}, ...pipe });
  const applier = new StreamApplier({
    out: pipeline,
    capabilities: serverNamed('redis 7.0.15'),
    filter: createKeyFilter(filterOptions({})),
    dbMap: createDbMap(new Map()),
    table: BUILTIN_COMMANDS,
    sourceDatabases: 16,
    targetDatabases: 16,
    relativeTtls: false,
    clockOffsetMs: 0,
    tally,
    offset: 0,
    db: 0,
    targetDb: 0,
    onGetAck: (offset) => acks.push(offset),
    onReport: (why, name, offset, db) => reports.push(`${name} at ${offset} in ${db}: ${why}`),
    ...given,
  });
  return { target, pipeline, applier, tally, failed, acks, reports };
}

/** Feeds a stream in pieces, as a window would; answers come when nothing else can go on. */
export function pump(
  bench: ApplierBench,
  input: Uint8Array,
  sizes: readonly number[],
  look: () => void = () => {},
): void {
  const { applier, pipeline, target } = bench;
  let taken = 0;
  for (const arrived of arrivals(sizes, input.length)) {
    for (let before = -1; before !== taken;) {
      before = taken;
      const { block, start, end } = placed(input, taken, arrived);
      taken += applier.feed(block, start, end, 0) - start;
      block.fill(0xdd);
      look();
      if (pipeline.blocked) {
        target.settle(pipeline);
        expect(pipeline.blocked).toBe(false);
        before = -1;
      }
    }
  }
  expect(taken).toBe(input.length);
}

export function lines(commands: readonly (readonly Uint8Array[])[]): string[] {
  return commands.map((args) => args.map(text).join(' '));
}

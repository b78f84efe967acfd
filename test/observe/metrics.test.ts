import { expect, test } from 'vitest';
import { formatMetrics } from '../../src/observe/metrics.js';
import { shardStatus, syncStatus } from '../cli/fake-engine.js';

const SAMPLE = /^[a-z_]+\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\} -?\d+(?:\.\d+)?$/;

test('every metric is HELP, TYPE and samples of its own name, and appears once', () => {
  const blocks = formatMetrics(syncStatus).split(/^(?=# HELP )/mu);
  const names = blocks.map((block) => {
    const [help = '', type = '', ...samples] = block.trimEnd().split('\n');
    const name = /^# HELP (replicant_[a-z_]+) \S/u.exec(help)?.[1];
    expect(type).toMatch(new RegExp(`^# TYPE ${name} (?:counter|gauge)$`, 'u'));
    expect(samples.length).toBeGreaterThan(0);
    for (const sample of samples) {
      expect(sample).toMatch(SAMPLE);
      expect(sample.slice(0, sample.indexOf('{'))).toBe(name);
    }
    return name;
  });
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThan(15);
});

test.each([
  'replicant_lag_bytes{job_name="job",source="a:1",target="b:2"} 200',
  'replicant_lag_seconds{job_name="job",source="a:1",target="b:2"} 1.5',
  'replicant_received_offset{job_name="job",source="a:1",target="b:2"} 1500',
  'replicant_keys_total{job_name="job"} 25',
  'replicant_phase{job_name="job",phase="streaming"} 1',
  'replicant_phase{job_name="job",phase="failed"} 0',
  'replicant_caught_up{job_name="job"} 1',
  '# TYPE replicant_commands_total counter',
  '# TYPE replicant_lag_bytes gauge',
])('%s', (line) => {
  expect(formatMetrics(syncStatus).split('\n')).toContain(line);
});

test('what is not known yet is left out, and so is a metric without samples', () => {
  const shard = { ...shardStatus, sourceOffset: -1, rdbBytesTotal: 0 };
  const text = formatMetrics({ ...syncStatus, shards: [shard] });
  expect(text).not.toMatch(/source_offset|rdb_expected_bytes/);
  expect(formatMetrics({ ...syncStatus, shards: [] })).not.toContain('lag_bytes');
});

test('labels are escaped', () => {
  const text = formatMetrics({ ...syncStatus, shards: [{ ...shardStatus, source: 'a"b\\c\nd' }] });
  expect(text).toContain('source="a\\"b\\\\c\\nd"');
});

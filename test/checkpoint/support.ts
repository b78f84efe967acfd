import type { Checkpoint, Owner } from '../../src/checkpoint/record.js';

export function owner(id: string, host = 'box'): Owner {
  return { id: id.repeat(16).slice(0, 16), host, pid: 71, sinceMs: 1_767_225_600_000 };
}

export function checkpoint(parts: Partial<Checkpoint> = {}): Checkpoint {
  return {
    version: 1,
    job: 'orders',
    source: '10.0.0.7:6379',
    state: 'streaming',
    replid: '8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb',
    offset: 1407,
    db: 3,
    inMulti: false,
    snapshot: '',
    loaded: 0,
    mirror: false,
    owner: owner('a'),
    timeMs: 1_767_225_601_234,
    expiry: { mode: 'held', state: 'settled', runId: '9c0e', expiredKeys: 12, clearUntilMs: 0 },
    refused: undefined,
    ...parts,
  };
}

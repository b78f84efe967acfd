/* oxlint-disable vitest/no-conditional-expect -- a model checks itself, as far as the case at hand goes */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  LINK_EVENTS,
  LINK_STATES,
  type LinkEvent,
  type LinkState,
  nextLinkState,
} from '../../src/replication/link-state.js';

/** The whole table, written out: every step that is allowed. */
const ALLOWED: Readonly<Record<LinkState, Partial<Record<LinkEvent, LinkState>>>> = {
  idle: { connected: 'greeting', lost: 'closed', stop: 'closed' },
  greeting: { greeted: 'asking', lost: 'closed', stop: 'closed' },
  asking: { 'full-resync': 'waiting', continue: 'streaming', lost: 'closed', stop: 'closed' },
  waiting: { header: 'transfer', lost: 'closed', stop: 'closed' },
  transfer: { 'snapshot-end': 'streaming', 'marked-end': 'mark', lost: 'closed', stop: 'closed' },
  mark: { 'mark-ok': 'streaming', lost: 'closed', stop: 'closed' },
  streaming: { lost: 'closed', stop: 'closed' },
  closed: {},
};

describe.each(LINK_STATES)('in %s', (state) => {
  test.each(LINK_EVENTS)('%s', (event) => {
    expect(nextLinkState(state, event)).toBe(ALLOWED[state][event]);
  });
});

/** A life: the states gone through, steps that are not allowed left out. */
function live(events: readonly LinkEvent[]): { states: LinkState[]; taken: LinkEvent[] } {
  const states: LinkState[] = ['idle'];
  const taken: LinkEvent[] = [];
  for (const event of events) {
    const next = nextLinkState(states.at(-1)!, event);
    if (next === undefined) continue;
    states.push(next);
    taken.push(event);
  }
  return { states, taken };
}

const likely = fc.constantFrom(...LINK_EVENTS.filter((event) => event !== 'lost' && event !== 'stop'));
const lives = fc.array(
  fc.oneof({ arbitrary: likely, weight: 12 }, { arbitrary: fc.constantFrom(...LINK_EVENTS), weight: 1 }),
  {
    maxLength: 120,
  },
);

describe('whatever happens', () => {
  test('no state comes twice, and nothing follows the end', () => {
    fc.assert(
      fc.property(lives, (events) => {
        const { states } = live(events);
        expect(new Set(states).size).toBe(states.length);
        const closed = states.indexOf('closed');
        expect(closed === -1 || closed === states.length - 1).toBe(true);
      }),
    );
  });

  test('it can always be ended, once', () => {
    fc.assert(
      fc.property(lives, fc.constantFrom('lost' as const, 'stop' as const), (events, end) => {
        const state = live(events).states.at(-1)!;
        expect(nextLinkState(state, end)).toBe(state === 'closed' ? undefined : 'closed');
      }),
    );
  });

  test('the stream only comes behind a complete snapshot or a +CONTINUE', () => {
    let seen = 0;
    fc.assert(
      fc.property(lives, (events) => {
        const { states, taken } = live(events);
        const at = states.indexOf('streaming');
        if (at < 0) return;
        seen++;
        expect([
          ['connected', 'greeted', 'continue'],
          ['connected', 'greeted', 'full-resync', 'header', 'snapshot-end'],
          ['connected', 'greeted', 'full-resync', 'header', 'marked-end', 'mark-ok'],
        ]).toContainEqual(taken.slice(0, at));
      }),
      // Few random lives come that far.
      { numRuns: 2000 },
    );
    expect(seen).toBeGreaterThan(0);
  });

  test('snapshot bytes are only expected once a header has come, and before their end', () => {
    fc.assert(
      fc.property(lives, (events) => {
        const { states, taken } = live(events);
        const at = states.indexOf('transfer');
        if (at < 0) return;
        expect(taken[at - 1]).toBe('header');
        if (at + 1 < states.length)
          expect(['snapshot-end', 'marked-end', 'lost', 'stop']).toContain(taken[at]);
      }),
    );
  });
});

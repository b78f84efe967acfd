/* oxlint-disable vitest/no-standalone-expect, vitest/expect-expect -- a model checks itself, as far as the case at hand goes */
/** The window against a plain array: random sequences of everything a connection does to it. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWindow } from '../../src/bytes/window.js';

type Op =
  | { readonly do: 'room' | 'clear' }
  | { readonly do: 'commit' | 'append' | 'take' | 'require'; readonly share: number; readonly which: number };

const GUARD = 13;

function ops(weights: { readonly clear: number }): fc.Arbitrary<Op[]> {
  const sized = (name: 'commit' | 'append' | 'take' | 'require') =>
    fc.record({ do: fc.constant(name), share: fc.double({ min: 0, max: 1, noNaN: true }), which: fc.nat(9) });
  return fc.array(
    fc.oneof(
      { arbitrary: fc.constant<Op>({ do: 'room' }), weight: 5 },
      { arbitrary: sized('commit'), weight: 5 },
      { arbitrary: sized('take'), weight: 5 },
      { arbitrary: sized('append'), weight: 2 },
      { arbitrary: sized('require'), weight: 1 },
      { arbitrary: fc.constant<Op>({ do: 'clear' }), weight: weights.clear },
    ),
    { maxLength: 60 },
  );
}

/** A window whose home lies inside a larger block, next to an array that says what it must hold. */
class Pair {
  readonly window: ByteWindow;
  readonly #block: Uint8Array;
  #held: Uint8Array = new Uint8Array(0);
  /** Given out and not yet spent. Adding bytes spends them all: they point at the same place. */
  #views: Uint8Array[] = [];
  #next = 1;
  readonly #pieceBytes: number;

  constructor(homeBytes: number, pieceBytes: number) {
    this.#block = new Uint8Array(homeBytes + 2 * GUARD).fill(0xee);
    this.window = new ByteWindow(this.#block.subarray(GUARD, GUARD + homeBytes));
    this.#pieceBytes = pieceBytes;
  }

  run(op: Op): void {
    const { window } = this;
    switch (op.do) {
      case 'room':
        this.#views.push(window.room());
        expect(this.#views.at(-1)!.length).toBeGreaterThan(0);
        return;
      case 'commit': {
        const view = this.#views[op.which % Math.max(1, this.#views.length)];
        if (view === undefined) return;
        const bytes = this.#fresh(Math.ceil(op.share * Math.min(view.length, this.#pieceBytes)));
        view.set(bytes);
        window.commit(bytes.length, view);
        this.#added(bytes);
        return;
      }
      case 'append': {
        const bytes = this.#fresh(Math.ceil(op.share * this.#pieceBytes));
        const margin = op.which;
        const source = new Uint8Array(bytes.length + 2 * margin);
        source.set(bytes, margin);
        window.append(source, margin, margin + bytes.length);
        this.#added(bytes);
        return;
      }
      case 'take': {
        // Everything, nothing and something in between.
        const count = op.which === 0 ? window.length : Math.floor(op.share * window.length);
        window.take(window.start + count);
        this.#held = this.#held.subarray(count);
        return;
      }
      case 'require': {
        const count = Math.floor(op.share * 2 * (window.bytes.length + 10));
        window.require(count);
        expect(window.bytes.length).toBeGreaterThanOrEqual(count);
        return;
      }
      default:
        window.clear();
        this.#held = new Uint8Array(0);
    }
  }

  check(): void {
    const { bytes, start, end, length, full } = this.window;
    expect(0 <= start && start <= end && end <= bytes.length).toBe(true);
    expect(length).toBe(end - start);
    expect(full).toBe(end - start === bytes.length);
    expect(Buffer.compare(bytes.subarray(start, end), this.#held)).toBe(0);
    const guards = [...this.#block.subarray(0, GUARD), ...this.#block.subarray(-GUARD)];
    expect(guards.every((byte) => byte === 0xee)).toBe(true);
  }

  #fresh(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => (this.#next = (this.#next * 7 + 3) & 255));
  }

  #added(bytes: Uint8Array): void {
    this.#held = Buffer.concat([this.#held, bytes]);
    this.#views = [];
  }
}

describe('a window holds what has arrived and not been taken', () => {
  test('when it is tiny, and every record too large', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), ops({ clear: 1 }), (homeBytes, list) => {
        const pair = new Pair(homeBytes, 200);
        for (const op of list) {
          pair.run(op);
          pair.check();
        }
      }),
      { numRuns: 400 },
    );
  });

  test('when remainders are large enough to stay where they are', () => {
    fc.assert(
      fc.property(fc.integer({ min: 66_000, max: 140_000 }), ops({ clear: 0 }), (homeBytes, list) => {
        const pair = new Pair(homeBytes, 30_000);
        for (const op of list) {
          pair.run(op);
          pair.check();
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('memory', () => {
  const arrive = (window: ByteWindow, count: number): void => {
    for (let left = count; left > 0;) {
      const room = window.room();
      const now = Math.min(left, room.length);
      window.commit(now, room);
      left -= now;
    }
  };

  test('bytes that arrive in order are not copied', () => {
    const home = new Uint8Array(100);
    const window = new ByteWindow(home);
    arrive(window, 40);
    expect(window.room().byteOffset).toBe(40);
    expect(window.bytes).toBe(home);
  });

  test('what has been taken makes room at the front', () => {
    const window = new ByteWindow(new Uint8Array(100));
    arrive(window, 100);
    expect(window.full).toBe(true);
    window.take(60);
    expect(window.room().length).toBe(60);
    expect(window.start).toBe(0);
  });

  test('a window that grew for one record goes home when the record is taken', () => {
    const home = new Uint8Array(100);
    const window = new ByteWindow(home);
    arrive(window, 100);
    window.require(1000);
    expect(window.bytes.length).toBe(1000);
    arrive(window, 900);
    expect(window.bytes.length).toBe(1000);
    window.take(window.end);
    expect(window.bytes).toBe(home);
  });

  test('… and also when only a little is left', () => {
    const home = new Uint8Array(100);
    const window = new ByteWindow(home);
    arrive(window, 100);
    window.require(1000);
    arrive(window, 500);
    window.take(window.end - 20);
    window.room();
    expect(window.bytes).toBe(home);
    expect(window.length).toBe(20);
  });

  test('a record that fits makes nothing grow', () => {
    const home = new Uint8Array(100);
    const window = new ByteWindow(home);
    window.require(100);
    expect(window.bytes).toBe(home);
  });
});

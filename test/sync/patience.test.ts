import { expect, test } from 'vitest';
import { ReplicantError } from '../../src/errors.js';
import { askAgain, patiently } from '../../src/sync/patience.js';

const SOON = { firstMs: 1, mostMs: 2 };

test('asks again while the error passes, and tells of every wait', async () => {
  const told: string[] = [];
  let asked = 0;
  const answer = await askAgain(
    async () => {
      if (++asked < 4) throw new ReplicantError('SOURCE_UNREACHABLE', `lost, ${asked}`);
      return 'here';
    },
    {
      signal: new AbortController().signal,
      passing: ({ retry }) => retry,
      backOff: SOON,
      waiting: (message) => told.push(message),
    },
  );
  expect(answer).toBe('here');
  expect(told).toEqual([1, 2, 3].map((n) => expect.stringMatching(`lost, ${n}.*asking again in`)));
});

test.each([new ReplicantError('SOURCE_DENIED', 'no'), new TypeError('a bug')])(
  '%s does not pass',
  async (error) => {
    let asked = 0;
    const ask = async (): Promise<never> => {
      asked++;
      throw error;
    };
    const { signal } = new AbortController();
    await expect(askAgain(ask, { signal, passing: ({ retry }) => retry, backOff: SOON })).rejects.toBe(error);
    await expect(patiently(ask, signal, () => {})).rejects.toBe(error);
    expect(asked).toBe(2);
  },
);

test('a stop ends the waiting without an answer', async () => {
  const stop = new AbortController();
  const ask = async (): Promise<never> => {
    throw new ReplicantError('TARGET_BUSY', 'LOADING');
  };
  expect(await patiently(ask, stop.signal, () => stop.abort())).toBeUndefined();
});

/** Whom to believe of several Sentinels. */
import { describe, expect, test } from 'vitest';
import type { Address } from '../../src/net/endpoint.js';
import { judgeWords, type SentinelWord } from '../../src/net/locate-primary.js';

const tcp = (port: number): Address => ({ kind: 'tcp', host: 'h', port });

/** Of three Sentinels. */
const word = (epoch: number, port: number): SentinelWord => ({
  ...{ epoch, primary: tcp(port), others: [tcp(1), tcp(2)] },
});

describe('the primary', () => {
  test.each([
    ['nobody says anything', [], -1, undefined],
    ['the first ever heard of', [word(0, 10)], -1, 10],
    ['the highest epoch counts', [word(1, 10), word(2, 11), word(1, 10)], 1, 11],
    ['also when most have not heard of it', [word(1, 10), word(1, 10), word(2, 11)], 2, 11],
    ['of equal ones always the same, whatever the order', [word(2, 12), word(2, 11)], 2, 11],
    ['of equal ones always the same, in another order', [word(2, 11), word(2, 12)], 2, 11],
    ['one that is cut off from the others is not believed', [word(1, 10)], 2, undefined],
    ['two of three are: their counting began anew', [word(0, 10), word(0, 10)], 2, 10],
    ['two that differ are not', [word(0, 10), word(1, 11)], 2, undefined],
  ])('%s', (_, words, known, port) => {
    expect(judgeWords(words, known)?.primary).toEqual(port === undefined ? undefined : tcp(port));
  });
});

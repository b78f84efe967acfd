import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutText, escapeHtml, escapeJson, visibleText } from '../../../src/inspect/html/escape.js';

describe('escapeHtml', () => {
  test('leaves nothing that could end a text or an attribute', () => {
    expect(escapeHtml(`<a href="x" title='y'>&amp;`)).toBe(
      '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;',
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(escapeHtml(text)).not.toMatch(/[<>"']/);
      }),
    );
  });
});

describe('escapeJson', () => {
  test('comes back as it was and cannot end its element', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = escapeJson(value);
        expect(json).not.toMatch(/[<>&\u2028\u2029]/);
        expect(JSON.stringify(JSON.parse(json))).toBe(JSON.stringify(value));
      }),
    );
    expect(escapeJson(['</script><!--', '\u2028'])).toBe(
      String.raw`["\u003c/script\u003e\u003c!--","\u2028"]`,
    );
  });
});

describe('visibleText', () => {
  test.each([
    ['plain:key', 'plain:key'],
    ['user:é:日本:😀', 'user:é:日本:😀'],
    ['a b', 'a b'],
    ['nul\0tab\tline\n', String.raw`nul\x00tab\x09line\x0a`],
    ['right\u202eto\u2066left\u200f', String.raw`right\u202eto\u2066left\u200f`],
    ['zero\u200bwidth\ufeff', String.raw`zero\u200bwidth\ufeff`],
    ['no\u00a0break\u3000space', String.raw`no\xa0break\u3000space`],
    ['tag\u{e0041}', String.raw`tag\u{e0041}`],
    ['half\ud800pair', String.raw`half\ud800pair`],
    ['hangul\u3164filler', String.raw`hangul\u3164filler`],
  ])('%j', (key, shown) => {
    expect(visibleText(key)).toBe(shown);
  });

  test('bytes that are not UTF-8', () => {
    const base64 = Buffer.from([0x61, 0xff, 0x00, 0x3c]).toString('base64');
    expect(visibleText({ base64 })).toBe(String.raw`a\xff\x00<`);
  });

  test('nothing invisible is left of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visibleText(text)).not.toMatch(/(?! )[\p{C}\p{Z}]/u);
      }),
    );
  });

  test('long ones are cut, not through a character', () => {
    expect(visibleText('k'.repeat(10_000))).toBe(`${'k'.repeat(512)}…`);
    expect(cutText(`${'k'.repeat(511)}😀😀`)).toBe(`${'k'.repeat(511)}…`);
  });
});

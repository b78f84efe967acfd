/** Lines of NDJSON in pieces of any size, and what is said of lines that are none. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Json, JsonNumber } from '../../src/restore/json-tree.js';
import { LineParser, type LineSink } from '../../src/restore/line-parser.js';

/** Everything as JSON.parse would have it, strings as text. */
function plain(value: Json): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (value instanceof JsonNumber) return Number(value.text);
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([name, item]) => [name, plain(item as Json)]));
  return Array.isArray(value) ? value.map((item: Json) => plain(item)) : value;
}

class Recorder implements LineSink {
  elements: unknown[] = [];
  values: unknown[] = [];
  expiries: unknown[] = [];
  lines: unknown[] = [];
  #how: 'elements' | 'stream' | 'whole';

  constructor(how: 'elements' | 'stream' | 'whole') {
    this.#how = how;
  }

  head(): 'elements' | 'stream' | 'whole' {
    return this.#how;
  }

  element(value: Json): void {
    this.elements.push(plain(value));
  }

  value(value: Json): void {
    this.values.push(plain(value));
  }

  fieldExpiry(value: Json): void {
    this.expiries.push(plain(value));
  }

  line(members: ReadonlyMap<string, Json>): void {
    this.lines.push(plain(members));
  }
}

function parse(text: string, how: 'elements' | 'stream' | 'whole', atOnce: number = Infinity): Recorder {
  const recorder = new Recorder(how);
  const parser = new LineParser(recorder);
  const bytes = Buffer.from(text);
  let at = 0;
  for (let end = Math.min(atOnce, bytes.length); ; end = Math.min(end + atOnce, bytes.length)) {
    at = parser.feed(bytes, at, end, end === bytes.length);
    if (end === bytes.length) break;
  }
  expect(at).toBe(bytes.length);
  return recorder;
}

const hash =
  '{"db":3,"key":"k","type":"hash","expiresAt":12,"value":[["f","v"],["é\\u00e9\\ud83d\\ude00\\n",{"base64":"/w=="}]],' +
  '"fieldExpiresAt":[["f",5]],"serializedBytes":7}';
const stream =
  '{"db":0,"key":"s","type":"stream","value":{"entries":[{"id":"1-1","fields":[["a","b"]]}],"length":1,"groups":[]},"x":null}';

describe('in pieces of any size', () => {
  test.each([1, 2, 3, 7, 50, Infinity])('%d', (atOnce) => {
    expect(parse(hash, 'elements', atOnce)).toMatchObject({
      elements: [
        ['f', 'v'],
        ['éé😀\n', { base64: '/w==' }],
      ],
      expiries: [['f', 5]],
      lines: [{ db: 3, key: 'k', type: 'hash', expiresAt: 12, serializedBytes: 7 }],
    });
    expect(parse(stream, 'stream', atOnce)).toMatchObject({
      elements: [{ id: '1-1', fields: [['a', 'b']] }],
      values: [{ length: 1, groups: [] }],
      lines: [{ db: 0, key: 's', type: 'stream', x: null }],
    });
    expect(parse('{"key":"k","value":"text"}', 'whole', atOnce)).toMatchObject({ values: ['text'] });
    expect(parse('{"value": [ ] }', 'elements', atOnce)).toMatchObject({ elements: [], lines: [{}] });
  });
});

test('whatever JSON there is, it is what JSON.parse makes of it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.integer({ min: 1, max: 20 }), (value, atOnce) => {
      // Names that the format gives a meaning, and -0, which JSON.stringify does not write, are no matter here.
      const text = JSON.stringify({ any: value });
      if (/"value":|"fieldExpiresAt":|"__proto__":/u.test(text)) return;
      expect(parse(text, 'whole', atOnce).lines).toEqual([JSON.parse(text)]);
    }),
  );
});

test.each([
  ['{"a":1', 'ends in the middle'],
  ['{"a"', 'ends in the middle'],
  ['', 'ends in the middle'],
  ['[1]', 'where a { must stand'],
  ['{"a":1}}', 'behind the end'],
  ['{"a":01}', 'where a value must stand'],
  ['{"a":nul}', 'where a value must stand'],
  ['{"a" 1}', 'where a : must stand'],
  ['{"a":1 "b":2}', 'where a , must stand'],
  ['{"a":[1,]}', 'where a value must stand'],
  ['{"a":"\\x"}', 'no escape'],
  ['{"a":"\\u12g4"}', 'no escape'],
  [`{"a":${'['.repeat(50)}`, 'nothing so deep'],
])('%s', (text, problem) => {
  expect(() => parse(text, 'whole')).toThrow(problem);
});

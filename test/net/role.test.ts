import { expect, test } from 'vitest';
import { parseRole } from '../../src/net/role.js';
import { type Reply, ReplyDecoder } from '../../src/resp/reply-decoder.js';

function decode(text: string): Reply {
  const decoder = new ReplyDecoder();
  decoder.push(new TextEncoder().encode(text));
  return decoder.next()!;
}

test.each([
  ['*3\r\n$6\r\nmaster\r\n:14\r\n*0\r\n', { role: 'primary' }],
  ['*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:14\r\n', { role: 'replica', linkUp: true }],
  ['*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$10\r\nconnecting\r\n:-1\r\n', { role: 'replica', linkUp: false }],
  ['*2\r\n$8\r\nsentinel\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n', { role: 'sentinel', masters: ['a', 'b'] }],
  ['*1\r\n$5\r\nother\r\n', undefined],
  ['-NOPERM no\r\n', undefined],
  ['$-1\r\n', undefined],
])('%j', (text, role) => {
  expect(parseRole(decode(text))).toEqual(role);
});

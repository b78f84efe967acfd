import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { commandArgs } from '../../src/resp/command-scanner.js';
import { encodeCommand } from '../../src/resp/encode.js';

test('a command comes back as its arguments', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 20 }), (args) => {
      expect(commandArgs(encodeCommand(args), 0).map((arg) => [...arg])).toEqual(args.map((arg) => [...arg]));
    }),
  );
});

test('texts are UTF-8, numbers decimal', () => {
  const bytes = encodeCommand(['SET', 'ü', 12, new Uint8Array([0, 255])]);
  expect(Buffer.from(bytes).toString('latin1')).toBe(
    '*4\r\n$3\r\nSET\r\n$2\r\n\u00c3\u00bc\r\n$2\r\n12\r\n$2\r\n\u0000\u00ff\r\n',
  );
});

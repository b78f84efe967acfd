import { expect, test } from 'vitest';
import { DuplicateGuard } from '../../src/io/duplicate-guard.js';
import { HandlerTap } from '../../src/io/handler-tap.js';
import type { ReplicantError } from '../../src/errors.js';
import { RdbDecoder } from '../../src/rdb/file-decoder.js';
import type { RdbEntry, RdbHandler } from '../../src/rdb/handler.js';
import { ValueSkipper } from '../../src/rdb/skip-value.js';
import { DEFAULT_LIMITS } from '../../src/rdb/limits.js';

// REDIS0003 (no checksum): db 0: k = 1, j = 2, k = 3; db 1: k = 4.
const FILE = Buffer.from(
  '524544495330303033 00016b0131 00016a0132 00016b0133 fe01 00016b0134 ff'.replaceAll(' ', ''),
  'hex',
);
const DUPLICATE_AT = 19;

function read(skip: boolean, file: Uint8Array = FILE): { keys: string[]; lost: ReplicantError[] } {
  const keys: string[] = [];
  const lost: ReplicantError[] = [];
  const note = ({ db, keyBytes, keyStart }: RdbEntry): boolean =>
    keys.push(`${db}:${String.fromCharCode(keyBytes[keyStart]!)}`) > 0;
  const handler: RdbHandler = {
    begin() {},
    aux() {},
    selectDb() {},
    sizeHint() {},
    functionLibrary() {},
    moduleAux() {},
    emptyKey() {},
    end() {},
    entry: note,
    largeValue: ({ type }) => new ValueSkipper(type),
    largeValueEnd: note,
  };
  const tap = new HandlerTap(handler, skip, (error) => lost.push(error), new DuplicateGuard());
  const decoder = new RdbDecoder(tap, { limits: { ...DEFAULT_LIMITS, inlineBytes: 16 } });
  decoder.feed(file, 0, file.length);
  decoder.finish();
  return { keys, lost };
}

test('a key that stands twice in one database is an error that names it', () => {
  expect(() => read(false)).toThrow(
    expect.objectContaining({
      code: 'RDB_CORRUPT',
      message: 'this key stands twice in the file',
      place: { offset: DUPLICATE_AT, db: 0, key: '"k"' },
    }),
  );
});

test('with skip the first one stays; the same key in another database is another key', () => {
  const { keys, lost } = read(true);
  expect(keys).toEqual(['0:k', '0:j', '1:k']);
  expect(lost.map(({ place }) => place.offset)).toEqual([DUPLICATE_AT]);
});

test('keys that come in parts are none: Dragonfly', () => {
  const aux = Buffer.from('fa0664662d7665720131', 'hex');
  const file = Buffer.concat([FILE.subarray(0, 9), aux, FILE.subarray(9)]);
  expect(read(false, file).keys).toEqual(['0:k', '0:j', '0:k', '1:k']);
});

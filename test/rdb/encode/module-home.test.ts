import { describe, expect, test } from 'vitest';
import { PayloadConverter } from '../../../src/convert/target-form/restore-payload.js';
import { encodeDumpPayload } from '../../../src/rdb/dump-payload.js';
import { lacksModule, moduleTypeName } from '../../../src/rdb/encode/module-home.js';
import { parseServerName } from '../../../src/rdb/server-support.js';
import { capabilitiesOf } from '../../../src/target/capabilities.js';

/** The id of vector sets in a file, with encoding version 0, and the end mark of the module's data. */
const VECTOR_SET = Uint8Array.from([0x81, 0xbd, 0xe7, 0x2d, 0xa2, 0xbb, 0x1e, 0xb4, 0x00, 0x00]);
const MODULE_2 = 7;

describe('values of modules', () => {
  test('are named by their id', () => {
    expect(moduleTypeName(VECTOR_SET, 0)).toBe('vectorset');
  });

  test.each([
    ['redis-8.0', true],
    ['redis-7.4', false],
    ['valkey-9.1', false],
  ])('vector sets on %s: %s', (server, taken) => {
    expect(lacksModule(parseServerName(server), 'vectorset') === undefined).toBe(taken);
    const form = new PayloadConverter(capabilitiesOf(parseServerName(server))).convert(
      encodeDumpPayload(MODULE_2, VECTOR_SET),
    );
    expect(form.kind).toBe(taken ? 'payload' : 'unsupported');
  });

  test('of other modules nothing is known, so the target is tried', () => {
    expect(lacksModule(parseServerName('valkey-9.1'), 'ReJSON-RL')).toBeUndefined();
  });
});

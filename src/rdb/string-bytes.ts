/** The bytes a str stands for, once its header has been read and all of it has arrived. */
import { decompressLzf } from './encodings/lzf.js';
import { type Header, integerText, readInteger, STR_INT, STR_LZF } from './primitives.js';

/** A plain str is a view of `bytes`: valid as long as they are. */
export function stringBytes(header: Header, bytes: Uint8Array): Uint8Array {
  const { form, start, fileBytes, textBytes } = header;
  if (form === STR_INT) return integerText(readInteger(bytes, start, fileBytes));
  if (form === STR_LZF) return decompressLzf(bytes, start, start + fileBytes, textBytes);
  return bytes.subarray(start, start + fileBytes);
}

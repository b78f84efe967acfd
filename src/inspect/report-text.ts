/** Bytes as the report has them: text when they are valid UTF-8, else base64. */
import type { ReportText } from './report.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function reportText(bytes: Uint8Array): ReportText {
  try {
    return utf8.decode(bytes);
  } catch {
    return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64') };
  }
}

/** For people: bytes that are not UTF-8 as \xHH, control characters escaped. */
export function showText(text: ReportText): string {
  const shown = typeof text === 'string' ? text : showBytes(Buffer.from(text.base64, 'base64'));
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return shown.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/gu, (character) => {
    const code = character.codePointAt(0)!;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

function showBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    text += byte > 31 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}

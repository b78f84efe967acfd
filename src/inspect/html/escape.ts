/**
 * Keys are whatever a client once sent. Before one gets into the page it is made visible (control and
 * direction characters as escapes, so that no key can hide or reorder what stands around it), and then
 * escaped for where it stands: HTML text and attributes, or JSON inside a script element.
 */
import type { ReportText } from '../report.js';

/** The longest text the page carries for one key; the rest helps nobody and ten thousand such keys are large. */
const SHOWN_CHARACTERS = 512;

/**
 * What takes no place or changes that of others: controls, format characters (zero width, direction marks and
 * overrides, tags), line and paragraph separators, surrogates without partner, blanks that are not the space,
 * and the fillers that are drawn as nothing.
 */
const INVISIBLE = /(?! )[\p{C}\p{Z}]|\u115f|\u1160|\u3164|\uffa0|\u17b4|\u17b5/gu;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For HTML text and for attribute values in quotes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char]!);
}

/** JSON that can stand in a script element: nothing in it ends the element or opens a comment. */
export function escapeJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A key as text in which every character can be seen; not yet escaped for HTML. */
export function visibleText(text: ReportText): string {
  return cutText(visibleWhole(text));
}

/** The same, however long. */
export function visibleWhole(text: ReportText): string {
  return typeof text === 'string' ? visible(text) : visibleBytes(text.base64);
}

function visible(text: string): string {
  return text.replaceAll(INVISIBLE, (char) => {
    const code = char.codePointAt(0)!;
    const digits = code.toString(16);
    if (code < 0x100) return `\\x${digits.padStart(2, '0')}`;
    return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`;
  });
}

/** Bytes that are not UTF-8: printable ASCII as it is, everything else as `\xff`. */
function visibleBytes(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  let text = '';
  for (const byte of bytes) {
    text +=
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}

export function cutText(text: string): string {
  if (text.length <= SHOWN_CHARACTERS) return text;
  // Not through the middle of a surrogate pair.
  const end = /[\ud800-\udbff]$/.test(text.slice(0, SHOWN_CHARACTERS))
    ? SHOWN_CHARACTERS - 1
    : SHOWN_CHARACTERS;
  return `${text.slice(0, end)}…`;
}

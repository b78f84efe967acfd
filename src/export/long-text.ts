/**
 * A string that arrives in pieces. Whether it is text or base64 only shows at its end, so it waits in a
 * spill; with readable output each piece can be written as it comes.
 */
import { isUtf8 } from 'node:buffer';
import { characterSize, writeBase64, writeEscaped, writeReadable, type TextForm } from './json-text.js';
import type { Output } from './output.js';
import { Spill } from './spill.js';

const QUOTE = 34;
const NOTHING = new Uint8Array(0);

export class LongText {
  readonly #out: Output;
  readonly #form: TextForm;
  readonly #spill: Spill;
  /** The beginning of a character whose end has not come. */
  #cut: Uint8Array = NOTHING;
  #valid = true;

  constructor(out: Output, form: TextForm, folder?: string) {
    this.#out = out;
    this.#form = form;
    this.#spill = new Spill(folder);
  }

  begin(): void {
    this.#cut = NOTHING;
    this.#valid = true;
    this.#spill.clear();
    if (this.#form === 'readable') this.#out.byte(QUOTE);
  }

  add(bytes: Uint8Array): void {
    if (this.#form === 'lossless') this.#spill.append(bytes, 0, bytes.length);
    if (!this.#valid) return;
    const piece = this.#cut.length === 0 ? bytes : joined(this.#cut, bytes);
    if (this.#form === 'readable') {
      const rest = writeReadable(this.#out, piece, 0, piece.length, false);
      this.#cut = new Uint8Array(piece.subarray(rest));
      return;
    }
    const whole = wholeCharacters(piece);
    this.#valid = isUtf8(piece.subarray(0, whole));
    this.#cut = new Uint8Array(piece.subarray(whole));
  }

  end(): void {
    const out = this.#out;
    if (this.#form === 'readable') {
      writeReadable(out, this.#cut, 0, this.#cut.length, true);
      out.byte(QUOTE);
    } else if (this.#valid && this.#cut.length === 0) {
      out.byte(QUOTE);
      this.#spill.empty((bytes, start, end) => writeEscaped(out, bytes, start, end));
      out.byte(QUOTE);
    } else {
      this.#writeBase64();
    }
    this.#cut = NOTHING;
  }

  /** The rest will not come: what is left is a string, if not this one. */
  abandon(): void {
    this.#spill.clear();
    this.#out.byte(QUOTE);
    if (this.#form === 'lossless') this.#out.byte(QUOTE);
  }

  #writeBase64(): void {
    const out = this.#out;
    let left: Uint8Array = NOTHING;
    out.ascii('{"base64":"');
    this.#spill.empty((bytes, start, end) => {
      const piece = joined(left, bytes.subarray(start, end));
      const triples = piece.length - (piece.length % 3);
      writeBase64(out, piece, 0, triples);
      left = piece.slice(triples);
    });
    writeBase64(out, left, 0, left.length);
    out.ascii('"}');
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/** Where the last character begins, when its end is missing. */
function wholeCharacters(bytes: Uint8Array): number {
  for (let at = Math.max(0, bytes.length - 3); at < bytes.length; at++) {
    if (bytes[at]! >= 0xc2 && characterSize(bytes, at, bytes.length) < 0) return at;
  }
  return bytes.length;
}

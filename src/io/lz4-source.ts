/**
 * LZ4 frames, one after the other, as the `lz4` command writes them:
 *
 *   04 22 4d 18, FLG, BD, [u64 content size], [u32 dictionary id], HC
 *   blocks: u32 size (high bit: stored as it is), bytes, [u32 checksum of these bytes]
 *   u32 0, [u32 checksum of the content]
 *
 * FLG has the version (01) in its high bits, then: 5 blocks do not refer to earlier ones, 4 block checksums,
 * 3 content size, 2 content checksum, 0 dictionary. BD bits 4-6 give the largest block: 64 KiB, 256 KiB,
 * 1 MiB, 4 MiB. All little-endian; checksums are xxHash32, HC its second byte over FLG to before HC.
 * `5x 2a 4d 18` and a u32 size is a frame to be skipped. Every size and checksum there is gets verified.
 */
import { ReplicantError } from '../errors.js';
import type { ByteSource } from './byte-source.js';
import { isSkippableFrame } from './sniff.js';
import { XxHash32, xxHash32 } from './xxhash32.js';

const MAGIC = 0x184d2204;
const LEGACY_MAGIC = 0x184c2102;
const HISTORY_BYTES = 64 * 1024;
const STORED = 0x8000_0000;
const READ_BYTES = 256 * 1024;

interface FrameHeader {
  readonly linked: boolean;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
  readonly contentSize: number | undefined;
  readonly maxBlockBytes: number;
}

type DecodeBlock = typeof import('./lz4-block.js').decodeLz4Block;

export class Lz4Source implements ByteSource {
  readonly #inner: ByteSource;
  /** Input read and not used: #input[#from, #to). */
  #input: Uint8Array = new Uint8Array(READ_BYTES);
  #from = 0;
  #to = 0;
  /** Bytes of the input that have been used: where we are, for errors. */
  #used = 0;
  /** History and the current block; #output[#given, #filled) is still to be given out. */
  #output: Uint8Array = new Uint8Array(0);
  #given = 0;
  #filled = 0;
  #frame: FrameHeader | undefined;
  #hash = new XxHash32();
  #content = 0;
  #frames = 0;
  #decode: DecodeBlock | undefined;

  constructor(inner: ByteSource) {
    this.#inner = inner;
  }

  get label(): string {
    return this.#inner.label;
  }

  get totalBytes(): number | undefined {
    return this.#inner.totalBytes;
  }

  get bytesRead(): number {
    return this.#inner.bytesRead;
  }

  get modifiedMs(): number | undefined {
    return this.#inner.modifiedMs;
  }

  async read(into: Uint8Array): Promise<number> {
    try {
      while (this.#given === this.#filled) if (!(await this.#next())) return 0;
    } catch (error) {
      if (!(error instanceof ReplicantError)) throw error;
      throw error.within({ at: this.label, offset: this.#used });
    }
    const count = Math.min(into.length, this.#filled - this.#given);
    into.set(this.#output.subarray(this.#given, this.#given + count));
    this.#given += count;
    return count;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** Goes on to the next block, frame end or frame; false at the end of the input. */
  async #next(): Promise<boolean> {
    if (this.#frame !== undefined) {
      await this.#block(this.#frame);
      return true;
    }
    if (!(await this.#has(4))) {
      if (this.#to > this.#from) throw truncated();
      return false;
    }
    const head = this.#input.subarray(this.#from, this.#from + 4);
    if (isSkippableFrame(head)) {
      this.#take(4);
      await this.#skip(await this.#word());
      return true;
    }
    this.#frame = await this.#header();
    this.#frames++;
    return true;
  }

  async #header(): Promise<FrameHeader> {
    const magic = await this.#word();
    if (magic !== MAGIC) throw this.#stranger(magic);
    await this.#need(2);
    const flags = this.#input[this.#from]!;
    const sizes = this.#input[this.#from + 1]!;
    const sized = (flags & 0x08) !== 0;
    const rest = 2 + (sized ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0);
    await this.#need(rest + 1);
    const sum = (xxHash32(this.#input, this.#from, this.#from + rest) >>> 8) & 0xff;
    if (this.#input[this.#from + rest] !== sum) throw corrupt('the checksum of a frame header is wrong');
    if (flags >> 6 !== 1) throw unsupported(`version ${flags >> 6} of the frame format`);
    if ((flags & 0x01) !== 0) throw unsupported('a dictionary');
    const blockId = (sizes >> 4) & 7;
    if (blockId < 4) throw corrupt(`a block size of kind ${blockId}`);
    const contentSize = sized ? this.#long(this.#from + 2) : undefined;
    this.#take(rest + 1);
    this.#begin(256 << (2 * blockId));
    return {
      linked: (flags & 0x20) === 0,
      blockChecksums: (flags & 0x10) !== 0,
      contentChecksum: (flags & 0x04) !== 0,
      contentSize,
      maxBlockBytes: 256 << (2 * blockId),
    };
  }

  #begin(maxBlockBytes: number): void {
    const size = HISTORY_BYTES + maxBlockBytes;
    if (this.#output.length < size) this.#output = new Uint8Array(size);
    this.#given = 0;
    this.#filled = 0;
    this.#content = 0;
    this.#hash = new XxHash32();
  }

  async #block(frame: FrameHeader): Promise<void> {
    const size = await this.#word();
    if (size === 0) {
      await this.#end(frame);
      return;
    }
    const stored = size >= STORED;
    const bytes = stored ? size - STORED : size;
    if (bytes > frame.maxBlockBytes) throw corrupt(`a block of ${bytes} bytes, more than the frame allows`);
    await this.#need(bytes + (frame.blockChecksums ? 4 : 0));
    const start = this.#from;
    this.#take(bytes);
    if (frame.blockChecksums && (await this.#word()) !== xxHash32(this.#input, start, start + bytes)) {
      throw corrupt('the checksum of a block is wrong');
    }
    this.#makeRoom(frame.linked);
    const at = this.#filled;
    if (stored) {
      this.#output.set(this.#input.subarray(start, start + bytes), at);
      this.#filled = at + bytes;
    } else {
      this.#decode ??= (await import('./lz4-block.js')).decodeLz4Block;
      const block = { from: this.#input, start, end: start + bytes };
      this.#filled = this.#decode(block, this.#output, at, at + frame.maxBlockBytes);
    }
    this.#content += this.#filled - at;
    if (frame.contentChecksum) this.#hash.update(this.#output, at, this.#filled);
  }

  /** Blocks may refer to the 64 KiB before them, or to nothing before themselves. */
  #makeRoom(linked: boolean): void {
    const kept = linked ? Math.min(HISTORY_BYTES, this.#filled) : 0;
    this.#output.copyWithin(0, this.#filled - kept, this.#filled);
    this.#filled = kept;
    this.#given = kept;
  }

  async #end(frame: FrameHeader): Promise<void> {
    if (frame.contentChecksum && (await this.#word()) !== this.#hash.digest()) {
      throw corrupt('the checksum of the content is wrong');
    }
    if (frame.contentSize !== undefined && frame.contentSize !== this.#content) {
      throw corrupt(`${this.#content} bytes of content, where the frame says ${frame.contentSize}`);
    }
    this.#frame = undefined;
  }

  #stranger(magic: number): ReplicantError {
    if (magic === LEGACY_MAGIC) return unsupported('the legacy format (lz4 -l), which has no checksums');
    const hex = `0x${magic.toString(16)}`;
    if (this.#frames === 0) return corrupt(`no frame begins with ${hex}`);
    return corrupt(`behind the last frame stands ${hex}, which is no other frame`);
  }

  // ---- input -------------------------------------------------------------------------------------------

  /** Whether `count` bytes are here in one piece. */
  async #has(count: number): Promise<boolean> {
    while (this.#to - this.#from < count) {
      if (this.#from + count > this.#input.length) this.#settle(count);
      const got = await this.#inner.read(this.#input.subarray(this.#to));
      if (got === 0) return false;
      this.#to += got;
    }
    return true;
  }

  #settle(count: number): void {
    const left = this.#input.subarray(this.#from, this.#to);
    if (count > this.#input.length) {
      const larger = new Uint8Array(count + READ_BYTES);
      larger.set(left);
      this.#input = larger;
    } else {
      this.#input.copyWithin(0, this.#from, this.#to);
    }
    this.#to = left.length;
    this.#from = 0;
  }

  async #need(count: number): Promise<void> {
    if (!(await this.#has(count))) throw truncated();
  }

  #take(count: number): void {
    this.#from += count;
    this.#used += count;
  }

  async #word(): Promise<number> {
    await this.#need(4);
    const at = this.#from;
    const bytes = this.#input;
    this.#take(4);
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  }

  #long(at: number): number {
    let value = 0;
    for (let byte = 7; byte >= 0; byte--) value = value * 256 + this.#input[at + byte]!;
    return value;
  }

  async #skip(count: number): Promise<void> {
    let left = count;
    while (left > 0) {
      await this.#need(1);
      const piece = Math.min(left, this.#to - this.#from);
      this.#take(piece);
      left -= piece;
    }
  }
}

function corrupt(what: string): ReplicantError {
  return new ReplicantError('RDB_CORRUPT', `the LZ4 data are damaged: ${what}`);
}

function truncated(): ReplicantError {
  return new ReplicantError('RDB_TRUNCATED', 'the LZ4 data end in the middle', {
    hint: 'the file is incomplete; copy it again',
  });
}

function unsupported(what: string): ReplicantError {
  return new ReplicantError('RDB_UNSUPPORTED', `LZ4 data with ${what} can't be read`, {
    hint: 'decompress it first: lz4 -dc FILE | replicant … -',
  });
}

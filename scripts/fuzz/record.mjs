/**
 * What a decoder told, as a few numbers that can be compared: how much of everything, and a sum over every
 * byte and its place, so that two ways to feed the same input can be held against each other.
 */

/** FNV-1a, 32 bits. */
export class Digest {
  sum = 0x811c9dc5;

  /** @param {Uint8Array} bytes */
  bytes(bytes) {
    this.number(bytes.length);
    this.run(bytes);
  }

  /** Without the length, for what arrives in chunks. @param {Uint8Array} bytes */
  run(bytes) {
    let sum = this.sum;
    for (let at = 0; at < bytes.length; at++) {
      sum = Math.imul(sum ^ bytes[at], 0x01000193);
    }
    this.sum = sum >>> 0;
  }

  /** @param {string | number | bigint | undefined} value */
  text(value) {
    const text = String(value);
    for (let at = 0; at < text.length; at++) {
      this.sum = Math.imul(this.sum ^ text.charCodeAt(at), 0x01000193) >>> 0;
    }
    this.number(text.length);
  }

  /** @param {number} value */
  number(value) {
    this.sum = Math.imul(this.sum ^ (value & 0xff), 0x01000193) >>> 0;
    this.sum = Math.imul(this.sum ^ value, 0x01000193) >>> 0;
  }
}

/** A ValueVisitor that keeps nothing but counts and a digest. */
export class ValueRecord {
  elements = 0;
  groups = 0;
  digest = new Digest();
  stringLeft = 0;

  reset() {
    this.elements = 0;
    this.groups = 0;
    this.digest = new Digest();
    this.stringLeft = 0;
  }

  /** @param {number} totalBytes */
  stringStart(totalBytes) {
    this.elements += 1;
    this.stringLeft = totalBytes;
    this.digest.number(totalBytes);
  }
  /** @param {Uint8Array} chunk */
  stringChunk(chunk) {
    this.stringLeft -= chunk.length;
    this.digest.run(chunk);
  }
  /** @param {Uint8Array} item */
  listItem(item) {
    this.elements += 1;
    this.digest.bytes(item);
  }
  /** @param {Uint8Array} member */
  setMember(member) {
    this.elements += 1;
    this.digest.bytes(member);
  }
  /** @param {Uint8Array} member @param {number} score */
  zsetMember(member, score) {
    this.elements += 1;
    this.digest.bytes(member);
    this.digest.text(score);
  }
  /** @param {Uint8Array} field @param {Uint8Array} value @param {number} expiresAtMs */
  hashField(field, value, expiresAtMs) {
    this.elements += 1;
    this.digest.bytes(field);
    this.digest.bytes(value);
    this.digest.text(expiresAtMs);
  }
  /** @param {{ms: bigint, seq: bigint}} id @param {readonly Uint8Array[]} fields */
  streamEntry(id, fields) {
    this.elements += 1;
    this.digest.text(id.ms);
    this.digest.text(id.seq);
    for (const field of fields) this.digest.bytes(field);
  }
  /** @param {import('../../src/rdb/value-visitor.js').StreamMeta} meta */
  streamMeta(meta) {
    this.digest.text(`${meta.length} ${meta.lastId.ms} ${meta.maxDeletedId.seq} ${meta.entriesAdded}`);
  }
  /** @param {import('../../src/rdb/value-visitor.js').StreamGroup} group */
  streamGroup(group) {
    this.groups += 1;
    this.digest.bytes(group.name);
    this.digest.text(group.entriesRead);
    for (const consumer of group.consumers) this.digest.bytes(consumer.name);
    for (const { id, consumer } of group.pending) {
      this.digest.text(`${id.ms}-${id.seq}`);
      if (consumer !== undefined) this.digest.bytes(consumer);
    }
  }
  /** @param {bigint} moduleId @param {Uint8Array} payload */
  moduleValue(moduleId, payload) {
    this.digest.text(moduleId);
    this.digest.bytes(payload);
  }
}

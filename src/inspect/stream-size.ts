/**
 * What a stream takes besides its listpacks: the tree over them, groups with their trees of pending entries,
 * consumers with theirs. It is told what the walker finds, in the order of the file.
 */
import { nameTreeBytes, RaxSizer } from './rax.js';
import { sdsBytes, type ServerProfile, structBytes } from './server-profile.js';
import { ROLE_CONSUMERS, ROLE_GROUPS, ROLE_OWNED, ROLE_PENDING } from './value-walker.js';

const NACK_BYTES = 24;

export class StreamSizer {
  readonly #profile: ServerProfile;
  readonly #index: RaxSizer;
  /** Of the group or the consumer under way. */
  readonly #pending: RaxSizer;
  #pendingLeft = 0;
  #sum = 0;
  #groups = 0;
  #groupNames = 0;
  #consumers = 0;
  #consumerNames = 0;

  constructor(profile: ServerProfile) {
    this.#profile = profile;
    this.#index = new RaxSizer(profile);
    this.#pending = new RaxSizer(profile);
  }

  begin(): void {
    this.#index.reset();
    this.#sum = 0;
    this.#groups = 0;
    this.#groupNames = 0;
    this.#consumers = 0;
    this.#consumerNames = 0;
  }

  /** The id that a listpack stands under. */
  node(bytes: Uint8Array, at: number): void {
    this.#index.addId(bytes, at);
  }

  /** How many follow of what the role names. */
  count(role: number, value: number): void {
    if (role === ROLE_GROUPS) this.#groups = value;
    else if (role === ROLE_CONSUMERS) this.#consumers += value;
    else if (role === ROLE_PENDING || role === ROLE_OWNED) {
      // Both trees have the id, only the group's the entry.
      if (role === ROLE_PENDING) this.#sum += value * structBytes(NACK_BYTES, this.#profile);
      this.#pending.reset();
      this.#pendingLeft = value;
      if (value === 0) this.#sum += this.#pending.finish();
    }
  }

  /** A pending entry, of the group or of a consumer. */
  pending(bytes: Uint8Array, at: number): void {
    this.#pending.addId(bytes, at);
    if (--this.#pendingLeft === 0) this.#sum += this.#pending.finish();
  }

  groupName(length: number): void {
    this.#groupNames += length;
  }

  consumerName(length: number): void {
    const profile = this.#profile;
    this.#consumerNames += length;
    this.#sum += structBytes(profile.streamConsumerBytes, profile);
    this.#sum +=
      profile.account === 'memory-usage' ? length : profile.alloc.sizeOf(sdsBytes(length, profile));
  }

  /** All of it. */
  finish(): number {
    const profile = this.#profile;
    const groups = this.#groups;
    const stream = profile.account === 'memory-usage' && profile.major < 7 ? 0 : profile.streamBytes;
    const bytes = this.#sum + structBytes(stream, profile) + this.#index.finish();
    if (groups === 0) return bytes;
    const perGroup = this.#consumers / groups;
    return (
      bytes +
      nameTreeBytes(groups, this.#groupNames, profile) +
      groups * structBytes(profile.streamGroupBytes, profile) +
      groups * nameTreeBytes(perGroup, this.#consumerNames / groups, profile)
    );
  }
}

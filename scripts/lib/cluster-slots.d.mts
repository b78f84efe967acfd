/** Types of the slots: see cluster-slots.mjs. */
import type { Argument } from './client.mjs';

export declare const SLOTS: 16384;
export declare function slotOf(key: Argument): number;
/** A short hash tag that lies in the slot. */
export declare function tagOf(slot: number): string;
/** Undefined when the command has no key. */
export declare function firstKeyOf(command: readonly Argument[]): Argument | undefined;

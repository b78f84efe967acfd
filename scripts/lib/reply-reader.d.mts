/// <reference types="node" />
/** Types of the reply reader: see reply-reader.mjs. */
import type { Reply } from './client.mjs';

export declare class ReplyReader {
  /** The replies that are complete now. */
  push(chunk: Buffer): Reply[];
}

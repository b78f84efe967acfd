/// <reference types="node" />
/** Types of the test client: see client.mjs. */
import type { ConnectionOptions } from 'node:tls';

export type Argument = string | number | bigint | Uint8Array;

export type Reply = string | number | bigint | Buffer | null | ReplyError | Reply[];

export interface ConnectOptions {
  /** Default 127.0.0.1. */
  host?: string | undefined;
  /** Default 6379. */
  port?: number | undefined;
  /** A unix socket, instead of host and port. */
  path?: string | undefined;
  tls?: ConnectionOptions | undefined;
  username?: string | undefined;
  password?: string | undefined;
  db?: number | undefined;
  connectTimeoutMs?: number | undefined;
  /** How long the connection may be silent while a reply is due; default 60 000. */
  timeoutMs?: number | undefined;
}

/** An error reply of the server; `code` is its first word, e.g. WRONGTYPE. */
export declare class ReplyError extends Error {
  constructor(message: string);
  readonly code: string;
}

export interface Client {
  /** One command; bulk strings are Buffers. An error reply rejects. */
  // oxlint-disable-next-line typescript/no-explicit-any -- a reply's shape is the command's business
  call(...args: readonly Argument[]): Promise<any>;
  /** As `call`, with bulk strings as UTF-8 text at any depth. */
  // oxlint-disable-next-line typescript/no-explicit-any
  text(...args: readonly Argument[]): Promise<any>;
  /** Many commands in one write; error replies are values in the result. */
  pipeline(commands: readonly (readonly Argument[])[]): Promise<Reply[]>;
  /** Idempotent. */
  close(): Promise<void>;
}

export declare function connect(options: ConnectOptions): Promise<Client>;

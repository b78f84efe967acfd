/// <reference types="node" />
/** Types of the server provisioning: see servers.mjs. */
import type { Client, ConnectOptions } from './lib/client.mjs';

/** A server program that can be run here. */
export interface ServerBinary {
  /** e.g. `redis-6.0.16`; unique in a survey. */
  readonly id: string;
  readonly family: 'redis' | 'valkey';
  /** e.g. `6.0.16`. */
  readonly version: string;
  /** e.g. `redis-6.0`. */
  readonly series: string;
  /** argv prefix that runs the server. */
  readonly command: readonly string[];
  /** Where it comes from, for people. */
  readonly origin: string;
  /** argv prefixes of the tools beside it, when they are there. */
  readonly cliCommand?: readonly string[];
  readonly benchmarkCommand?: readonly string[];
  readonly checkRdbCommand?: readonly string[];
}

export interface MissingServer {
  /** The series that could not be had, or `local`/`all`. */
  readonly series: string;
  /** One line. */
  readonly why: string;
}

export interface Survey {
  readonly servers: ServerBinary[];
  readonly missing: MissingServer[];
}

export interface SurveyOptions {
  /** Download what is not in the cache; default true. */
  fetch?: boolean;
  /** Also try again what failed within the last hour. */
  retry?: boolean;
  /** Download everything anew. */
  refresh?: boolean;
  log?: (line: string) => void;
}

export interface StartOptions {
  /** Configuration directives as in redis.conf; an array repeats the directive, one line per element. */
  args?: Readonly<Record<string, string | number | readonly string[]>>;
  /** What follows the configuration file on the command line, such as `--sentinel`. */
  flags?: readonly string[];
  /** Default: a free one. */
  port?: number;
  /** Default: a fresh temporary directory, removed by `stop`. A given one is never removed. */
  dir?: string;
  /** Listen on a unix socket too; `true` puts it into the directory. */
  unixsocket?: boolean | string;
  password?: string;
  replicaOf?: { readonly host?: string; readonly port: number; readonly password?: string | undefined };
  /** A file that is copied in as dump.rdb and loaded at the start. */
  loadRdb?: string;
  /** Until PING is answered; default 30 000. */
  startTimeoutMs?: number;
  log?: (line: string) => void;
}

export interface RunningServer {
  readonly binary: ServerBinary;
  readonly host: string;
  readonly port: number;
  /** `redis://127.0.0.1:port`, without the password. */
  readonly url: string;
  readonly dir: string;
  readonly unixsocket: string | undefined;
  readonly password: string | undefined;
  readonly pid: number | undefined;
  readonly isRunning: boolean;
  /** The directives it was started with. */
  readonly args: Readonly<Record<string, string | number | readonly string[]>>;
  /** SIGTERM, after 5 s SIGKILL; removes the directory. Idempotent. Nothing is saved (`save ""`). */
  stop(): Promise<void>;
  /** Sends the signal (default SIGKILL) and waits for the exit; the directory stays. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Ends it when it runs, and starts it again on the same port and directory; it loads dump.rdb if there is one. */
  restart(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  logText(): string;
  /** A new connection, authenticated. */
  client(options?: ConnectOptions): Promise<Client>;
}

export declare function surveyServers(options?: SurveyOptions): Promise<Survey>;
export declare function findServers(options?: SurveyOptions): Promise<ServerBinary[]>;
export declare function startServer(binary: ServerBinary, options?: StartOptions): Promise<RunningServer>;
/** As for sorting: negative when `a` is the older version. */
export declare function compareVersions(a: string, b: string): number;

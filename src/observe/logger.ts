/**
 * The log: pino, as pretty lines for people or as one JSON object per line, written synchronously through
 * `write` so that nothing is lost when the process ends. Passwords in URLs are hidden before anything is
 * formatted, in the message and in every text of the details.
 */
import { pino, stdTimeFunctions, type DestinationStream } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { redact } from '../net/redact.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

type Details = Readonly<Record<string, unknown>>;
export type Logger = Readonly<Record<LogLevel, (message: string, details?: Details) => void>>;

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: 'pretty' | 'json';
  readonly color: boolean;
}

/** `write` gets whole lines. */
export function createLogger(options: LoggerOptions, write: (text: string) => void): Logger {
  const destination = options.format === 'json' ? { write } : prettyDestination(options.color, write);
  const settings = {
    level: options.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (level: string) => ({ level }) },
  };
  const sink = pino(settings, destination);
  const at =
    (level: LogLevel) =>
    (message: string, details?: Details): void => {
      if (sink.isLevelEnabled(level)) sink[level](redactAll(details ?? {}), redact(message));
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function prettyDestination(color: boolean, write: (text: string) => void): DestinationStream {
  const format = prettyFactory({ colorize: color, translateTime: 'SYS:HH:MM:ss', singleLine: true });
  return { write: (line) => write(format(line)) };
}

/** A copy with every text redacted. Binary values become their length: a log is no place for them. */
function redactAll(value: object): object {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactValue(item)]));
}

function redactValue(value: unknown): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return redact(value.message);
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (Array.isArray(value)) return value.map(redactValue);
  return typeof value === 'object' && value !== null ? redactAll(value) : value;
}

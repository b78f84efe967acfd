/** The two voices of a command: its log and the progress line, which share stderr. */
import type { LogSettings } from '../config/shared-options.js';
import { createLogger, type Logger } from '../observe/logger.js';
import { createScreen, type Screen, type TextOutput } from '../observe/screen.js';
import { type Reading, startReadingProgress } from '../observe/reading-progress.js';
import type { CliDeps } from './deps.js';

export interface Session {
  readonly output: TextOutput;
  readonly screen: Screen;
  readonly log: Logger;
}

export function openSession(settings: LogSettings, { stderr, env }: CliDeps): Session {
  const output: TextOutput = {
    write: (text) => stderr.write(text),
    terminal: stderr.isTty && env['TERM'] !== 'dumb',
    columns: () => stderr.columns(),
  };
  const screen = createScreen(output);
  // https://no-color.org: set and not empty means no colour.
  const color = output.terminal && (env['NO_COLOR'] ?? '') === '';
  const log = createLogger({ level: settings.logLevel, format: settings.logFormat, color }, (text) =>
    screen.print(text),
  );
  return { output, screen, log };
}

/** Shows how far a reading command has got, when that is wanted; returns the function that ends it. */
export function showReading(
  { output, screen, log }: Session,
  { nowMs }: CliDeps,
  { progress }: { readonly progress: boolean },
  name: string,
  reading: () => Reading,
): () => void {
  if (!progress) return () => {};
  return startReadingProgress({ name, reading, output, screen, log, nowMs });
}

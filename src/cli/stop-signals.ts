/** The first SIGINT or SIGTERM asks for a graceful end; the second ends the process at once. */
import type { CliDeps, SignalSource, StopSignal } from './deps.js';

const EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

export interface SignalActions {
  readonly first: (signal: StopSignal) => void;
  readonly second: (signal: StopSignal, exitCode: number) => void;
}

/** A command without anything to finish gracefully: the first signal aborts it. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** The exit code of the signal that came; 0 before one. */
  readonly exitCode: number;
  stopListening(): void;
}

export function onInterruption({ signals, exit }: Pick<CliDeps, 'signals' | 'exit'>): Interruption {
  const abort = new AbortController();
  let exitCode = 0;
  const stopListening = onStopSignals(signals, {
    first: (signal) => {
      exitCode = EXIT_CODES[signal];
      abort.abort();
    },
    second: (_, code) => exit(code),
  });
  return {
    signal: abort.signal,
    get exitCode() {
      return exitCode;
    },
    stopListening,
  };
}

/** Returns the function that stops listening. */
export function onStopSignals(signals: SignalSource, actions: SignalActions): () => void {
  let received = 0;
  const listen = (signal: StopSignal): (() => void) =>
    signals.on(signal, () => {
      received += 1;
      if (received === 1) actions.first(signal);
      else actions.second(signal, EXIT_CODES[signal]);
    });
  const removals = [listen('SIGINT'), listen('SIGTERM')];
  return () => {
    for (const remove of removals) remove();
  };
}

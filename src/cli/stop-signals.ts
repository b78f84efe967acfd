/** The first SIGINT or SIGTERM asks for a graceful end; the second ends the process at once. */
import type { SignalSource, StopSignal } from './deps.js';

const EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

export interface SignalActions {
  readonly first: (signal: StopSignal) => void;
  readonly second: (signal: StopSignal, exitCode: number) => void;
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

/** What happens in a run, told to all who listen to its handle. */
import type { Emit, SyncEvent } from './status.js';

export class EventFeed {
  readonly #listeners: ((event: SyncEvent) => void)[] = [];

  readonly emit: Emit = (level, event, message, details) =>
    this.tell(details === undefined ? { level, event, message } : { level, event, message, details });

  on(listener: (event: SyncEvent) => void): void {
    this.#listeners.push(listener);
  }

  tell(event: SyncEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

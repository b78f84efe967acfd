/**
 * A thread that runs some of a job's shards, as another process would (`--shard-index`): with the other threads it has
 * only the target and the source in common. Snapshots it takes in turn with them, and whether the job is
 * through is for the job's thread to say.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { startShards } from './run-shards.js';
import { type FromWorker, toPlain, type ToWorker, type WorkerStart } from './worker-messages.js';

const STATUS_EVERY_MS = 200;

function run(start: WorkerStart, port: NonNullable<typeof parentPort>): void {
  const tell = (message: FromWorker): void => port.postMessage(message);
  const turns = new Map<number, () => void>();
  let lastTurn = 0;
  const handle = startShards(start.options, start.map, {
    targetPrepared: start.targetPrepared,
    acquire: async (host) => {
      const id = ++lastTurn;
      tell({ kind: 'turn', id, host });
      await new Promise<void>((resolve) => turns.set(id, resolve));
      return () => tell({ kind: 'turn-over', id });
    },
  });
  handle.on((event) => tell({ kind: 'event', event }));
  const timer = setInterval(() => tell({ kind: 'status', status: handle.status() }), STATUS_EVERY_MS);
  port.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'stop':
        handle.stop();
        return;
      case 'turn':
        turns.get(message.id)?.();
        turns.delete(message.id);
        return;
      default:
        handle.reached().then(
          (reached) => tell({ kind: 'reached', id: message.id, reached }),
          () => tell({ kind: 'reached', id: message.id, reached: false }),
        );
    }
  });
  const end = (message: FromWorker): void => {
    clearInterval(timer);
    tell(message);
    port.close();
  };
  handle.done.then(
    (summary) => end({ kind: 'done', summary, status: handle.status() }),
    (error: unknown) =>
      end({ kind: 'failed', error: toPlain(error), summary: handle.summary(), status: handle.status() }),
  );
}

if (parentPort !== null) run(workerData as WorkerStart, parentPort);

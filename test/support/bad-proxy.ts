/** A TCP relay that misbehaves on request, in the ways networks and balancers do, in both directions. */
import { connect, createServer, type Server, type Socket } from 'node:net';

/** How bytes are passed on: as they come, not at all (connections stay open), a few at a time, or spoilt. */
export type Relaying = 'plain' | 'silent' | 'trickle' | 'garble';

export interface BadProxy {
  readonly port: number;
  /** For connections there are and will be. What was held back while silent is lost with its connection. */
  relay(how: Relaying): void;
  /** Existing connections stay as they are for ever; new ones are relayed. */
  freeze(): void;
  /** Ends every connection: by RST, or with a FIN towards the client only, who may still send. */
  cut(how: 'reset' | 'half-close'): void;
  /** Nobody listens any more: connections are refused. */
  away(): Promise<void>;
  back(): Promise<void>;
  /** Connections so far. */
  readonly connections: number;
  close(): Promise<void>;
}

interface Pair {
  readonly inside: Socket;
  readonly outside: Socket;
  frozen: boolean;
}

const TRICKLE_BYTES = 311;

export async function startBadProxy(serverPort: number): Promise<BadProxy> {
  const pairs = new Set<Pair>();
  let relaying: Relaying = 'plain';
  let connections = 0;

  const pass = (pair: Pair, from: Socket, to: Socket, chunk: Buffer): void => {
    if (relaying === 'silent' || pair.frozen) return;
    if (relaying === 'garble') to.write(chunk.map((byte) => byte ^ 0x55));
    else if (relaying === 'trickle') trickle(from, to, chunk);
    else if (!to.write(chunk)) {
      // Who sends has to wait, as without us.
      from.pause();
      to.once('drain', () => from.resume());
    }
  };
  const accept = (inside: Socket): void => {
    connections++;
    const outside = connect(serverPort, '127.0.0.1');
    const pair = { inside, outside, frozen: false };
    pairs.add(pair);
    for (const [one, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      one.setNoDelay(true);
      one.on('error', () => {});
      one.on('data', (chunk) => pass(pair, one, other, chunk));
      one.on('close', () => {
        pairs.delete(pair);
        other.destroy();
      });
    }
  };
  let server = await listen(accept, 0);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const destroyAll = (): void => {
    for (const { inside } of pairs) inside.destroy();
  };
  return {
    port,
    get connections() {
      return connections;
    },
    relay: (how) => (relaying = how),
    freeze: () => {
      for (const pair of pairs) pair.frozen = true;
    },
    cut: (how) => {
      for (const pair of pairs) {
        if (how === 'reset') pair.inside.resetAndDestroy();
        else {
          pair.frozen = true;
          pair.inside.end();
        }
      }
    },
    away: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      destroyAll();
      await closed;
    },
    back: async () => {
      server = await listen(accept, port);
    },
    close: async () => {
      destroyAll();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function listen(accept: (socket: Socket) => void, port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, accept);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server;
}

/** Each piece in a packet of its own, one per turn; nothing else is read meanwhile. */
function trickle(from: Socket, to: Socket, chunk: Buffer): void {
  from.pause();
  let at = 0;
  const next = (): void => {
    if (at >= chunk.length || to.destroyed) {
      from.resume();
      return;
    }
    to.write(chunk.subarray(at, (at += TRICKLE_BYTES)), () => setImmediate(next));
  };
  next();
}

/** A TCP relay whose connections a test can cut: all at once, or after so many bytes from one of the two sides. */
import { connect, createServer, type Socket } from 'node:net';

export interface Proxy {
  readonly port: number;
  /** Ends every connection. */
  cut(): Promise<void>;
  /** Ends every connection once so many bytes more have come from the server, or its client; resolves then. */
  cutAfter(bytes: number, from?: 'server' | 'client'): Promise<void>;
  unlimited(): void;
  /** Turns new connections away. */
  refuse(refused: boolean): void;
  close(): Promise<void>;
}

export async function startProxy(serverPort: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let isRefused = false;
  const left = { server: Number.POSITIVE_INFINITY, client: Number.POSITIVE_INFINITY };
  let reached: () => void = () => {};

  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const relay = (chunk: Buffer, from: 'server' | 'client', to: Socket): void => {
    if (chunk.length < left[from]) {
      left[from] -= chunk.length;
      to.write(chunk);
      return;
    }
    // The last bytes still go out; what follows is lost.
    const part = chunk.subarray(0, left[from]);
    left.server = left.client = Number.POSITIVE_INFINITY;
    to.write(part, () => {
      cutAll();
      reached();
    });
  };
  const server = createServer((inside) => {
    if (isRefused) {
      inside.destroy();
      return;
    }
    const outside = connect(serverPort, '127.0.0.1');
    for (const [one, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    inside.on('data', (chunk) => relay(chunk, 'client', outside));
    outside.on('data', (chunk) => relay(chunk, 'server', inside));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    cut: async () => cutAll(),
    cutAfter: (bytes, from = 'server') => {
      left[from] = bytes;
      return new Promise((resolve) => (reached = resolve));
    },
    unlimited: () => {
      left.server = left.client = Number.POSITIVE_INFINITY;
    },
    refuse: (refused) => (isRefused = refused),
    close: () => {
      cutAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

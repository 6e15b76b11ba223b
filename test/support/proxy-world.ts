/** Proxies, servers and clients on loopback for tests, all closed at the end of each. */
import { once } from 'node:events';
import net from 'node:net';
import {
  closedRules,
  ConverterServer,
  type ConverterOptions,
  ProxyServer,
  type ProxyOptions,
} from '../../src/node/index.js';
import { listenKernel } from '../../src/linux/index.js';

/** Destinations on this machine are allowed: there are no others in a test. */
export const localRules = { ...closedRules, allowLoopback: true };

/** A line of a log. */
export type LogLine = Record<string, unknown>;

/** What was opened; {@link ProxyWorld.close} is for `afterEach`. */
export class ProxyWorld {
  private readonly open: (() => unknown)[] = [];

  /** Has something closed at the end. */
  onClose(close: () => unknown): void {
    this.open.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.open.splice(0).reverse()) await close();
  }

  /** A proxy on a port of its own, which serves loopback. */
  async proxy(options: ProxyOptions = {}): Promise<{ server: ProxyServer; port: number; events: LogLine[] }> {
    const events: LogLine[] = [];
    const server = await ProxyServer.start({
      ...{ listen: [{ host: '127.0.0.1', port: 0 }], rules: localRules },
      log: (event, fields) => events.push({ event, ...fields }),
      ...options,
    });
    this.onClose(() => server.close());
    return { server, port: server.addresses[0]!.port, events };
  }

  async converter(
    options: ConverterOptions = {},
  ): Promise<{ server: ConverterServer; port: number; events: LogLine[] }> {
    const events: LogLine[] = [];
    const server = await ConverterServer.start({
      ...{ port: 0, rules: localRules, log: (event, fields) => events.push({ event, ...fields }) },
      ...options,
    });
    this.onClose(() => server.close());
    return { server, port: server.address.port, events };
  }

  /** A server; gives its port. */
  async server(
    onClient: (socket: net.Socket) => void,
    protocol: 'tcp' | 'mptcp' = 'tcp',
    host = '127.0.0.1',
  ): Promise<number> {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      onClient(socket);
    });
    if (protocol === 'tcp') server.listen(0, host);
    else server.listen({ fd: listenKernel({ address: host, port: 0 }) });
    await once(server, 'listening');
    this.onClose(() => server.close());
    return (server.address() as net.AddressInfo).port;
  }

  /** A server that gives back what it gets, and ends when its client does. */
  echo(protocol: 'tcp' | 'mptcp' = 'tcp', host?: string): Promise<number> {
    return this.server((socket) => socket.pipe(socket), protocol, host);
  }

  /** A port where nobody listens. */
  async closedPort(): Promise<number> {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    await new Promise((done) => server.close(done));
    return port;
  }

  /** A client of plain TCP that speaks in bytes. */
  async client(port: number): Promise<RawClient> {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.onClose(() => socket.destroy());
    await once(socket, 'connect');
    return new RawClient(socket);
  }
}

/** A client that sends bytes, and waits for bytes. */
export class RawClient {
  readonly socket: net.Socket;
  private received = Buffer.alloc(0);
  private over: string | undefined = undefined;
  private wake: () => void = () => undefined;

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    socket.once('end', () => this.finish('end'));
    socket.once('error', (error: NodeJS.ErrnoException) => this.finish(error.code ?? 'error'));
    socket.once('close', () => this.finish('close'));
  }

  private finish(how: string): void {
    this.over ??= how;
    this.wake();
  }

  /** Sends hexadecimal digits, in which blanks do not count, or bytes. */
  send(bytes: string | Uint8Array): this {
    this.socket.write(typeof bytes === 'string' ? fromHex(bytes) : bytes);
    return this;
  }

  /** The next `count` bytes, in hexadecimal; or how the stream ended before. */
  async read(count: number): Promise<string> {
    while (this.received.length < count && this.over === undefined)
      await new Promise<void>((resolve) => (this.wake = resolve));
    if (this.received.length < count) return this.over!;
    const taken = this.received.subarray(0, count).toString('hex');
    this.received = this.received.subarray(count);
    return taken;
  }

  /** All bytes until the stream ends, in hexadecimal, and how it ended: `end`, `close`, or a code such as `ECONNRESET`. */
  async rest(): Promise<{ readonly bytes: string; readonly how: string }> {
    while (this.over === undefined) await new Promise<void>((resolve) => (this.wake = resolve));
    const bytes = this.received.toString('hex');
    this.received = Buffer.alloc(0);
    return { bytes, how: this.over };
  }
}

/** Bytes for hexadecimal digits, in which blanks do not count. */
export function fromHex(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits.replace(/\s/g, ''), 'hex'));
}

/** Two bytes of a port, in hexadecimal. */
export function portHex(port: number): string {
  return port.toString(16).padStart(4, '0');
}

/** Bytes of a text, in hexadecimal. */
export function textHex(text: string): string {
  return Buffer.from(text).toString('hex');
}

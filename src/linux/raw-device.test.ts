import { createServer, Socket as NetSocket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../../test/support/with-rights.js';
import { SeededRandom } from '../base/index.js';
import { Host, RealTimeDriver, Simulator } from '../network/index.js';
import { Stack, type Socket, type StackEvent } from '../stack/index.js';
import { IpAddress } from '../wire/index.js';
import { kernelMptcp, mayCreateNamespaces, mayOpenRawSockets } from './capabilities.js';
import { connectKernel, listenKernel } from './kernel-socket.js';
import { NetworkNamespace } from './namespace.js';
import { RawDevice } from './raw-device.js';

const address = (text: string): IpAddress => IpAddress.parse(text)!;

/** A stack on a raw device, with an application that echoes, in the time that it is. */
class EchoHost {
  readonly stack = new Stack({ random: new SeededRandom(1) });
  readonly device: RawDevice;
  readonly events: StackEvent[] = [];
  private readonly simulator = new Simulator(1, this.clock());
  private readonly driver = new RealTimeDriver(this.simulator);
  private readonly host = new Host(this.simulator, 'ours', this.stack);
  private readonly timer: NodeJS.Timeout;

  constructor(namespace: NetworkNamespace, interfaceName: string, own: string) {
    const owner = { beginInput: () => this.advance(), endInput: () => undefined };
    this.device = new RawDevice({ namespace, interfaceName, address: address(own) }, owner);
    this.timer = setInterval(() => this.act(() => undefined), 5);
    this.act((now) => {
      this.host.addDevice(now, this.device, {
        name: interfaceName,
        addresses: [{ address: address(own), prefixLength: own.includes(':') ? 64 : 24 }],
      });
      this.host.run(now, {
        handleEvent: (at, event) => this.handleEvent(at, event),
        pollTimeout: () => Infinity,
        handleTimeout: () => undefined,
      });
    });
  }

  act<T>(action: (now: number) => T): T {
    const now = this.advance();
    const result = action(now);
    this.host.wake(now);
    return result;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  close(): void {
    clearInterval(this.timer);
    this.device.close();
  }

  private clock(): number {
    return Math.round(performance.now() * 1e6);
  }

  private advance(): number {
    const now = this.clock();
    while (!this.driver.advance(now));
    return now;
  }

  private handleEvent(now: number, event: StackEvent): void {
    this.events.push(event);
    if (event.type === 'acceptable') {
      const socket = event.listener.accept();
      if (socket !== undefined) this.echo(now, socket);
    } else if (event.type === 'readable') this.echo(now, event.socket);
  }

  private echo(now: number, socket: Socket): void {
    for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now))
      socket.write(now, bytes.slice());
  }
}

describeWith('a raw device', [mayCreateNamespaces(), mayOpenRawSockets(), kernelMptcp()], () => {
  let ours: NetworkNamespace;
  let theirs: NetworkNamespace;
  // Of its own for each: what the kernel answers late to the connection before would count for the next.
  beforeEach(() => {
    ours = NetworkNamespace.create('ours');
    theirs = NetworkNamespace.create('theirs');
    ours.connectTo(theirs, 'veth0', 'veth0');
    ours.ip('address add 10.8.0.1/24 dev veth0', 'address add fd08::1/64 dev veth0');
    theirs.ip('address add 10.8.0.2/24 dev veth0', 'address add fd08::2/64 dev veth0');
  });
  afterEach(() => {
    ours.close();
    theirs.close();
  });

  it.each([
    ['IPv4', '10.8.0.1', '10.8.0.2'],
    ['IPv6', 'fd08::1', 'fd08::2'],
  ])('speaks for an address of the kernel, as client, %s', async (_, own, peer) => {
    const host = new EchoHost(ours, 'veth0', own);
    const data = Buffer.alloc(200_000, 'request ');
    let echoed = 0;
    const server = createServer((socket) => {
      // The host goes away at the end with the connection half closed; how the kernel tells is its own affair.
      socket.on('error', () => undefined);
      socket.write(data);
      socket.on('data', (chunk) => {
        echoed += chunk.length;
        if (echoed === data.length) socket.end();
      });
    });
    server.listen({ fd: listenKernel({ address: peer, port: 7000, namespace: theirs }) });
    const before = ours.counters();
    const socket = host.act((now) =>
      host.stack.connect(now, { remote: { address: address(peer), port: 7000 } }),
    );
    await host.until(() => echoed === data.length);
    expect(socket.connection.isFallback).toBe(false);
    // The kernel saw every segment that came in, and said nothing.
    const counted = ours.counters().since(before);
    expect(counted.get('TcpOutRsts')).toBe(0);
    expect(host.device.statistics.packetsDropped).toBe(0);
    server.close();
    host.close();
  });

  it.each([
    ['IPv4', '10.8.0.1'],
    ['IPv6', 'fd08::1'],
  ])('speaks for an address of the kernel, as server, %s', async (_, own) => {
    const host = new EchoHost(ours, 'veth0', own);
    host.device.listenOn(7100);
    host.act((now) => host.stack.listen(now, { local: { address: address(own), port: 7100 } }));
    const before = ours.counters();
    const socket = new NetSocket({ fd: connectKernel({ address: own, port: 7100, namespace: theirs }) });
    const data = Buffer.alloc(200_000, 'answer ');
    socket.write(data);
    let echoed = 0;
    for await (const chunk of socket) {
      echoed += (chunk as Buffer).length;
      if (echoed === data.length) break;
    }
    expect(echoed).toBe(data.length);
    expect(ours.counters().since(before).get('TcpOutRsts')).toBe(0);
    socket.destroy();
    host.close();
  });

  it('does not take a port that a program has, and gives its own back', () => {
    const host = new EchoHost(ours, 'veth0', '10.8.0.1');
    const listener = createServer();
    listener.listen({ fd: listenKernel({ address: '10.8.0.1', port: 7200, namespace: ours }) });
    expect(() => host.device.listenOn(7200)).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
    host.act((now) =>
      host.stack.connect(now, { remote: { address: address('10.8.0.2'), port: 9 }, local: { port: 7200 } }),
    );
    expect(host.device.statistics).toMatchObject({ packetsSent: 0, packetsDropped: 1 });
    host.device.listenOn(7201);
    expect(() => listenKernel({ address: '10.8.0.1', port: 7201, namespace: ours })).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE' }),
    );
    host.close();
    const server = createServer();
    server.listen({ fd: listenKernel({ address: '10.8.0.1', port: 7201, namespace: ours }) });
    server.close();
    listener.close();
  });

  it('says when the interface is not there', () => {
    expect(() => new EchoHost(ours, 'veth9', '10.8.0.1')).toThrow(
      expect.objectContaining({ code: 'ENODEV' }),
    );
  });
});

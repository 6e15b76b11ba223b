/**
 * A machine with several uplinks, in a namespace of its own, each with an address and a default route as a DHCP client or a router would
 * give them, and a server behind all of them. The kernel on both speaks Multipath TCP by itself.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  connectKernel,
  KernelEndpoints,
  listenKernel,
  localAddressOf,
  NetworkNamespace,
  runIp,
  SubflowList,
} from '../../src/linux/index.js';
import { PathKeeper, type PathKeeperEvent, type PathKeeperOptions } from '../../src/node/paths/index.js';

export type Family = 4 | 6;
export const patience = { timeout: 30_000, interval: 50 };

/** Both ends of a connection of the kernel's. */
export interface WorldConnection {
  readonly client: Socket;
  readonly server: Socket;
}

export class UplinkWorld {
  readonly client: NetworkNamespace;
  readonly server: NetworkNamespace;
  readonly stateFolder = mkdtempSync(join(tmpdir(), 'subflow-paths-'));
  /** What keepers told. */
  readonly events: PathKeeperEvent[] = [];
  private readonly open: { close(): unknown }[] = [];
  private readonly subflows: SubflowList;
  private readonly endpoints: KernelEndpoints;

  /** The uplinks' names, best first. */
  constructor(...names: string[]) {
    this.client = NetworkNamespace.create('machine');
    this.server = NetworkNamespace.create('server');
    this.open.push(this.client, this.server);
    this.server.ip(
      'mptcp limits set subflows 8',
      'address add 10.9.0.1/32 dev lo',
      'address add 2001:db8:9::1/128 dev lo',
    );
    this.server.sysctl('net.ipv4.conf.all.rp_filter', 0);
    names.forEach((name, i) => this.addUplink(name, i));
    [this.subflows, this.endpoints] = this.client.run(() => [new SubflowList(), new KernelEndpoints()]);
    this.open.push(this.subflows, this.endpoints);
  }

  /** Makes the uplink number `i`: 10.0.i.1 and 2001:db8:ai::1, routers 10.0.i.2 and, as routers announce themselves, fe80::2. */
  addUplink(name: string, i: number): void {
    this.client.connectTo(this.server, name, `s${i}`);
    this.server.ip(`address add 10.0.${i}.2/24 dev s${i}`);
    this.giveServerAddresses(i);
    this.giveAddresses(name, i);
  }

  /** IPv6 addresses go when an interface is set down; a host asks for its neighbours from the one of the link. */
  private giveServerAddresses(i: number): void {
    this.server.ip(`address replace 2001:db8:a${i}::2/64 dev s${i}`, `address replace fe80::2/64 dev s${i}`);
  }

  /** Gives it, or gives it again, addresses and default routes. */
  giveAddresses(name: string, i: number): void {
    this.client.ip(
      `address replace 10.0.${i}.1/24 dev ${name}`,
      `address replace 2001:db8:a${i}::1/64 dev ${name}`,
      `address replace fe80::1/64 dev ${name}`,
      `route replace default via 10.0.${i}.2 dev ${name} metric ${100 + i}`,
      `route replace default via fe80::2 dev ${name} metric ${100 + i}`,
    );
  }

  /** Has something closed at the end. */
  closeAtEnd(thing: { close(): unknown }): void {
    this.open.push(thing);
  }

  keep(options: Omit<PathKeeperOptions, 'namespace'>): PathKeeper {
    const { client: namespace, stateFolder } = this;
    const onEvent = (event: PathKeeperEvent): void => void this.events.push(event);
    const keeper = PathKeeper.start({ stateFolder, onEvent, ...options, namespace });
    this.open.push(keeper);
    return keeper;
  }

  /** A connection of the kernel's to the server, which sends back what it gets. */
  async connect(family: Family): Promise<WorldConnection> {
    const listenFd = listenKernel({
      address: family === 4 ? '0.0.0.0' : '::',
      port: 0,
      namespace: this.server,
    });
    const { port } = localAddressOf(listenFd);
    const listener = new Server({ allowHalfOpen: true }).listen({ fd: listenFd });
    this.open.push(listener);
    const accepted = once(listener, 'connection');
    const address = family === 4 ? '10.9.0.1' : '2001:db8:9::1';
    const client = new Socket({ fd: connectKernel({ address, port, namespace: this.client }) });
    const [server] = (await accepted) as [Socket];
    server.pipe(server);
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      this.open.push({ close: () => socket.destroy() });
    }
    client.resume();
    // The kernel opens no more subflows before the peer has confirmed the first (RFC 8684 §3.1).
    await this.exchange({ client, server });
    return { client, server };
  }

  /** Sends something, and waits until it is back. */
  async exchange({ client }: WorldConnection, bytes = 1000): Promise<void> {
    const goal = client.bytesRead + bytes;
    client.write(Buffer.alloc(bytes, 7));
    await expect.poll(() => client.bytesRead, patience).toBeGreaterThanOrEqual(goal);
  }

  /** Keeps something moving until the end. */
  keepBusy({ client }: WorldConnection): void {
    const timer = setInterval(() => {
      if (client.writableLength < 1 << 16) client.write(Buffer.alloc(5000, 7));
    }, 20);
    this.open.push({ close: () => clearInterval(timer) });
  }

  /** Local addresses of the subflows that carry data, `backup` behind those that this side wants to be; of all connections. */
  paths(): string[] {
    return this.subflows
      .read()
      .filter(({ state }) => state === 1)
      .map(({ local, isBackup }) => `${local.address}${isBackup ? ' backup' : ''}`)
      .sort();
  }

  /** The endpoints as text: address, flags. */
  endpointList(): string[] {
    return this.endpoints.list().map(({ address, flags }) => `${address} ${flags.join(' ')}`);
  }

  ip(family: Family, ...commands: string[]): string {
    return this.client.run(() => runIp('machine', commands, [`-${family}`]));
  }

  /** Everything that a keeper may change, as `ip` shows it. */
  picture(): string {
    const shown = ([4, 6] as const).map((family) =>
      // IPv6 shows what it learned of destinations, too.
      this.ip(family, 'rule show', 'route show table all').replace(
        /^.*(?:cache|multicast|expires).*\n/gm,
        '',
      ),
    );
    return [...shown, this.client.ip('mptcp endpoint show', 'mptcp limits show')].join('\n');
  }

  /** Takes the carrier of the uplink number `i`, or gives it back. */
  setCarrier(i: number, isUp: boolean): void {
    this.server.ip(`link set s${i} ${isUp ? 'up' : 'down'}`);
    if (isUp) this.giveServerAddresses(i);
  }

  /** What the machine sends over an uplink goes at this rate, and waits up to so long. */
  slowDown(name: string, rate: string, latency: string): void {
    this.tc('add', name, 'tbf', 'rate', rate, 'burst', '10kb', 'latency', latency);
  }

  speedUp(name: string): void {
    this.tc('del', name);
  }

  private tc(verb: string, name: string, ...words: string[]): void {
    const args = ['qdisc', verb, 'dev', name, 'root', ...words];
    this.client.run(() => execFileSync('tc', args, { stdio: 'pipe' }));
  }

  close(): void {
    for (const thing of this.open.splice(0).reverse()) thing.close();
    rmSync(this.stateFolder, { recursive: true, force: true });
  }
}

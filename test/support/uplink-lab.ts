/**
 * A van with several uplinks and a LAN behind it, and a studio that all of them lead to: namespaces of their own, joined by emulated
 * links with rate and delay that run in real time in this process.
 *
 * ```
 *   lan 10.1.0.2 --- van 10.1.0.1   10.0.0.1 == up0 ==  10.0.0.2  studio 10.9.0.1
 *                                   10.0.1.1 == up1 ==  10.0.1.2         fd09::1
 * ```
 */
import net from 'node:net';
import { listenKernel, NetworkNamespace, runIp, TunDevice } from '../../src/linux/index.js';
import { bridge, Link, type LinkDirection } from '../../src/network/index.js';
import { RealTimeWorld } from '../interop/support/real-time-world.js';

/** What an uplink is like. */
export interface UplinkShape {
  /** From the van, Mbit/s. */
  readonly rateMbit: number;
  /** To the van, Mbit/s; the same when absent. */
  readonly downMbit?: number;
  /** One way, in ms. */
  readonly delayMs: number;
  /** How long its queue may make a packet wait, in ms. Default 100. */
  readonly queueMs?: number;
}

/** What the van has for its uplinks. */
export interface UplinkLabOptions {
  /** Whether the lab makes the van's routes and endpoints, as a network manager would; else only its addresses and default routes. */
  readonly hasEndpoints: boolean;
  /** Version of IP of the uplinks. Default 4. */
  readonly family?: 4 | 6;
}

export const STUDIO_ADDRESS = { 4: '10.9.0.1', 6: 'fd09::1' } as const;

/** See the module. */
export class UplinkLab {
  readonly lan = NetworkNamespace.create('lan');
  readonly van = NetworkNamespace.create('van');
  readonly studio = NetworkNamespace.create('studio');
  readonly links: Link[] = [];
  private readonly world = new RealTimeWorld();
  private readonly tuns: TunDevice[] = [];
  private readonly servers: net.Server[] = [];

  constructor(shapes: readonly UplinkShape[], options: UplinkLabOptions) {
    const { lan, van, studio } = this;
    lan.connectTo(van, 'eth0', 'lan0');
    lan.ip(
      ...['address add 10.1.0.2/24 dev eth0', 'route add default via 10.1.0.1'],
      ...['address add fd01::2/64 dev eth0', 'route add ::/0 via fd01::1'],
    );
    van.ip('address add 10.1.0.1/24 dev lan0', 'address add fd01::1/64 dev lan0');
    studio.ip('address add 10.9.0.1/32 dev lo', 'address add fd09::1/128 dev lo');
    for (const namespace of [van, studio]) {
      for (const which of ['all', 'default']) namespace.sysctl(`net.ipv4.conf.${which}.rp_filter`, 0);
      namespace.ip('mptcp limits set subflows 8 add_addr_accepted 8');
    }
    shapes.forEach((shape, index) => this.addUplink(shape, index, options));
  }

  private addUplink(shape: UplinkShape, index: number, { hasEndpoints, family = 4 }: UplinkLabOptions): void {
    const { van, studio } = this;
    const { rateMbit, downMbit = rateMbit, delayMs, queueMs = 100 } = shape;
    const direction = (mbit: number) => ({
      ...{ rateBps: mbit * 1e6, delayNs: delayMs * 1e6, queue: { bytes: Math.ceil(mbit * 125 * queueMs) } },
    });
    const link = new Link(this.world.simulator, {
      forward: direction(rateMbit),
      backward: direction(downMbit),
    });
    this.links.push(link);
    const ends = [van, studio].map((namespace, side) => {
      const name = `up${index}`;
      const tun = new TunDevice({ name, namespace, offload: false }, this.world);
      this.tuns.push(tun);
      bridge(side === 0 ? link.left : link.right, tun);
      const address = uplinkAddress(index, side === 0 ? 1 : 2, family);
      namespace.ip(
        `address add ${address}/${family === 4 ? 24 : 64} dev ${name}${family === 6 ? ' nodad' : ''}`,
        `link set ${name} up`,
      );
      return address;
    });
    const all = family === 4 ? '0.0.0.0/0' : '::/0';
    van.ip(`route add ${all} via ${ends[1]!} dev up${index} metric ${100 + index}`);
    if (!hasEndpoints) return;
    const commands = [
      `route add ${all} via ${ends[1]!} dev up${index} table ${index + 1}`,
      `rule add from ${ends[0]!} lookup ${index + 1}`,
      `mptcp endpoint add ${ends[0]!} dev up${index} subflow`,
    ];
    van.run(() => runIp('van', commands, [`-${family}`]));
  }

  /** Makes an uplink a black hole, takes its carrier, or gives both back. */
  setUplink(index: number, state: 'up' | 'blackhole' | 'down'): void {
    this.world.act((now) => this.links[index]!.setState(now, state));
    const verb = state === 'down' ? 'down' : 'up';
    this.van.ip(`link set up${index} ${verb}`);
  }

  /** From the van, and to it. */
  directionsOf(index: number): readonly [LinkDirection, LinkDirection] {
    return [this.links[index]!.forward, this.links[index]!.backward];
  }

  /** Listens in the studio; every connection is handed to `serve`. */
  listen(port: number, serve: (socket: net.Socket) => void): net.Server {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      serve(socket);
    });
    server.listen({ fd: listenKernel({ address: '::', port, namespace: this.studio }) });
    this.servers.push(server);
    return server;
  }

  close(): void {
    for (const server of this.servers) server.close();
    this.world.close();
    for (const tun of this.tuns) tun.close();
    for (const namespace of [this.lan, this.van, this.studio]) namespace.close();
  }
}

/** 10.0.UPLINK.HOST or fd00:UPLINK::HOST. */
export function uplinkAddress(index: number, host: 1 | 2, family: 4 | 6): string {
  return family === 4 ? `10.0.${index}.${host}` : `fd00:${index}::${host}`;
}

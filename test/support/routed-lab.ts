/**
 * For tests of the path report on real packets: the probe, two routers of Linux, a web server of Linux, each in a namespace of its
 * own; between the routers, or behind the last, a box of ours, on a pair of TUN devices.
 */
import net from 'node:net';
import { SeededRandom } from '../../src/base/index.js';
import { listenKernel, NetworkNamespace, ProbeDriver, TunDevice } from '../../src/linux/index.js';
import { bridge, MiddleboxDevice, type Middlebox } from '../../src/network/index.js';
import { defaultProbeSettings, drawSecrets, type PathReport, PathRun } from '../../src/probe/index.js';
import { IpAddress } from '../../src/wire/index.js';
import { RealTimeWorld } from '../interop/support/real-time-world.js';

const port = 80;

/** Two hosts and the devices that a link is to join. */
type Link = readonly [one: NetworkNamespace, oneDevice: string, other: NetworkNamespace, otherDevice: string];

export class RoutedLab {
  private readonly world = new RealTimeWorld();
  private readonly hosts = ['probe', 'near', 'far', 'server'].map((name) => NetworkNamespace.create(name));
  private readonly devices: TunDevice[] = [];
  private readonly boundsErrors: boolean;
  private readonly server = net.createServer((socket) => socket.on('error', () => undefined).resume());

  /**
   * `boundsErrors`: whether routers make errors at the rate that Linux has by itself. The box stands between the routers,
   * or `behind` the last.
   */
  constructor(box: Middlebox | undefined, boundsErrors: boolean, place: 'between' | 'behind' = 'between') {
    this.boundsErrors = boundsErrors;
    const [probe, near, far, server] = this.hosts as [
      NetworkNamespace,
      NetworkNamespace,
      NetworkNamespace,
      NetworkNamespace,
    ];
    probe.connectTo(near, 'net', 'inner');
    const middle: Link = [near, 'box', far, 'box'];
    const last: Link = [far, 'outer', server, 'net'];
    const [boxed, plain] = place === 'between' ? [middle, last] : [last, middle];
    this.joinByBox(boxed, box);
    const [one, oneDevice, other, otherDevice] = plain;
    one.connectTo(other, oneDevice, otherDevice);
    for (const router of [near, far]) {
      router.sysctl('net.ipv4.ip_forward', 1);
      router.sysctl('net.ipv6.conf.all.forwarding', 1);
      if (boundsErrors) continue;
      router.sysctl('net.ipv4.icmp_ratelimit', 0);
      router.sysctl('net.ipv6.icmp.ratelimit', 0);
    }
    address(probe, 'net', 1, 2);
    address(near, 'inner', 1, 1);
    address(near, 'box', 2, 1);
    address(far, 'box', 2, 2);
    address(far, 'outer', 3, 1);
    address(server, 'net', 3, 2);
    introduce([probe, 'net', 1, 2], [near, 'inner', 1, 1]);
    if (place === 'between') introduce([far, 'outer', 3, 1], [server, 'net', 3, 2]);
    else introduce([near, 'box', 2, 1], [far, 'box', 2, 2]);
    route(probe, 'default', 1, 1);
    route(near, 3, 2, 2);
    route(far, 1, 2, 1);
    route(server, 'default', 3, 1);
    this.server.listen({ fd: listenKernel({ address: '::', port, namespace: server }) });
  }

  private joinByBox([near, nearDevice, far, farDevice]: Link, box: Middlebox | undefined): void {
    const open = (namespace: NetworkNamespace, name: string): TunDevice => {
      const device = new TunDevice({ name, namespace, offload: false }, this.world);
      this.devices.push(device);
      namespace.ip(`link set ${name} up`);
      return device;
    };
    const left = open(near, nearDevice);
    const right = open(far, farDevice);
    bridge(left, box === undefined ? right : new MiddleboxDevice(this.world.simulator, box, right));
  }

  /** Traces the path from the probe to the server. */
  async trace(family: 4 | 6): Promise<PathReport> {
    const target = addressOf(3, 2, family);
    const driver = new ProbeDriver({ target, namespace: this.hosts[0]! });
    const empty = new Uint8Array(0);
    const run = new PathRun({
      ...{ target: { address: target, port }, local: driver.local, version: 1 },
      secrets: drawSecrets(new SeededRandom(Number(process.hrtime.bigint() % 1_000_000n))),
      settings: { ...defaultProbeSettings, replyNs: this.boundsErrors ? 800e6 : 400e6, attempts: 2 },
      request: { head: empty, tail: empty },
    });
    try {
      await driver.complete(run);
      return run.report();
    } finally {
      driver.close();
    }
  }

  close(): void {
    this.server.close();
    this.world.close();
    for (const device of this.devices) device.close();
    for (const host of this.hosts) host.close();
  }
}

/** 10.9.SUBNET.HOST or fd09:SUBNET::HOST; subnets count from the probe on, and the second has the box. */
export function addressOf(subnet: number, host: number, family: 4 | 6): IpAddress {
  return IpAddress.parse(family === 4 ? `10.9.${subnet}.${host}` : `fd09:${subnet}::${host}`)!;
}

function address(namespace: NetworkNamespace, device: string, subnet: number, host: number) {
  namespace.ip(
    `address add ${addressOf(subnet, host, 4).toString()}/24 dev ${device}`,
    `address add ${addressOf(subnet, host, 6).toString()}/64 dev ${device}`,
  );
}

/** An end of a link: whose, by which device, and its address. */
type LinkEnd = readonly [namespace: NetworkNamespace, device: string, subnet: number, host: number];

/** Tells both ends of a link where the other is, so that no test waits for neighbour discovery. */
function introduce(one: LinkEnd, other: LinkEnd): void {
  for (const [[namespace, device], [peer, peerDevice, subnet, host]] of [
    [one, other],
    [other, one],
  ] as const) {
    const mac = /link\/ether (\S+)/.exec(peer.ip(`link show ${peerDevice}`))![1]!;
    const text = addressOf(subnet, host, 6).toString();
    namespace.ip(`neigh replace ${text} lladdr ${mac} dev ${device} nud permanent`);
  }
}

function route(namespace: NetworkNamespace, to: number | 'default', subnet: number, gateway: number): void {
  for (const family of [4, 6] as const) {
    const all = family === 4 ? '0.0.0.0/0' : '::/0';
    const prefix = to === 'default' ? all : family === 4 ? `10.9.${to}.0/24` : `fd09:${to}::/64`;
    namespace.ip(`route add ${prefix} via ${addressOf(subnet, gateway, family).toString()}`);
  }
}

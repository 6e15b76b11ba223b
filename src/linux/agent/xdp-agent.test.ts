import { closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { drawnPortBase, drawnServices, drawPacket } from '../../../test/support/balancer-traffic.js';
import { whenAddressesAreUp } from '../../../test/support/when-addresses-are-up.js';
import { describeWith } from '../../../test/support/with-rights.js';
import {
  DaisyChain,
  encapsulate,
  encapsulationBytes,
  type Arrival,
  type TunnelNote,
} from '../../balancer/index.js';
import { MINUTE, randomBelow, type RandomSource, SECOND, SeededRandom } from '../../base/index.js';
import { emitIpHeader, IpAddress, IpPacket, parseIp } from '../../wire/index.js';
import { XdpAction } from '../bpf/index.js';
import { mayCreateNamespaces, mayUseXdp } from '../capabilities.js';
import { AF_INET, AF_INET6, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET } from '../constants.js';
import { acceptConnection, bind, connect, listen, setsockopt, socket } from '../libc.js';
import { NetworkNamespace } from '../namespace.js';
import { encodeSocketAddress } from '../socket-address.js';
import { type AgentPeer, XdpAgent, type XdpAgentOptions } from './xdp-agent.js';

const address = (text: string): IpAddress => IpAddress.parse(text)!;
const ETHERNET_BYTES = 14;
const HOUR = 60 * MINUTE;
const start = 1000 * SECOND;
/** Loopback, by which packets of a trial come in. */
const LOOPBACK = 1;
const arrivalMac = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 99];

const hosts = {
  4: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.99', '10.0.0.66'].map(address),
  6: ['fd00::1', 'fd00::2', 'fd00::3', 'fd00::4', 'fd00::99', 'fd00::66'].map(address),
} as const;
/** Positions in {@link hosts}: the server, two others that it knows, one that it does not know yet, a balancer, a stranger. */
const [OWN, , , LATER, BALANCER, STRANGER] = [0, 1, 2, 3, 4, 5] as const;

function peerOf(peer: IpAddress): AgentPeer {
  const last = peer.toBytes().at(-1)!;
  const route = {
    nextHop: Uint8Array.of(2, 0, 0, 0, 1, last),
    ownHop: Uint8Array.of(2, 0, 0, 0, 2, last),
    // One of them is reached by another interface than the packet came in by, and within a VLAN.
    ...(last === 3 ? { interfaceIndex: 7, vlan: 0x123 } : { interfaceIndex: LOOPBACK }),
  };
  return { address: peer, route };
}

/** `packet` in an Ethernet frame, with padding behind. */
function frameOf(packet: Uint8Array, padding = 0): Uint8Array {
  const isV6 = (packet[0] ?? 0) >>> 4 === 6;
  const frame = new Uint8Array(ETHERNET_BYTES + packet.length + padding);
  frame.set([...arrivalMac, ...(isV6 ? [0x86, 0xdd] : [8, 0])]);
  frame.set(packet, ETHERNET_BYTES);
  return frame;
}

/** The packet within another without a note, as designs without a daisy chain send it. */
function encapsulatePlainly(packet: Uint8Array, source: IpAddress, destination: IpAddress): Uint8Array {
  const headerBytes = source.family === 4 ? 20 : 40;
  const outer = new Uint8Array(headerBytes + packet.length);
  const protocol = packet[0]! >>> 4 === 6 ? 41 : 4;
  emitIpHeader(outer, 0, { source, destination, protocol, payloadLength: packet.length, hopLimit: 250 });
  outer.set(packet, headerBytes);
  return outer;
}

/** Flows of the packets that are drawn, of which the kernel has connections: every other port of every third client. */
function connectedFlows(): { readonly client: string; readonly port: number; readonly service: number }[] {
  const flows = [];
  for (const [position, service] of drawnServices.entries()) {
    for (let i = 0; i < 24; i += 3) {
      const client = service.address.family === 4 ? `198.51.100.${i}` : `2001:db8:c::${i}`;
      for (let port = 40_000; port < 40_012; port += 2) flows.push({ client, port, service: position });
    }
  }
  return flows;
}

const flowName = (client: IpAddress, port: number, service: IpAddress, servicePort: number): string =>
  `${client.toString()} ${port} ${service.toString()} ${servicePort}`;

/** What the flow of a packet for a service is called; of an ICMP error, that of the packet which it quotes. */
function flowOf(packet: Uint8Array): string {
  const ip = new IpPacket();
  if (parseIp(packet, 0, packet.length, ip) !== undefined) return '';
  const portsOf = (at: number): [number, number] => [
    (packet[at]! << 8) | packet[at + 1]!,
    (packet[at + 2]! << 8) | packet[at + 3]!,
  ];
  if (ip.protocol === 6) {
    const [from, to] = portsOf(ip.payloadOffset);
    return flowName(ip.source, from, ip.destination, to);
  }
  const quoted = new IpPacket();
  const at = ip.payloadOffset + 8;
  if (parseIp(packet, at, packet.length - at, quoted, 65_575) !== undefined) return '';
  const [from, to] = portsOf(quoted.payloadOffset);
  return flowName(quoted.destination, to, quoted.source, from);
}

/** Connections within a namespace, from and to addresses of its own. */
class Connections {
  readonly names = new Set<string>();
  private readonly fds: number[] = [];

  constructor(namespace: NetworkNamespace) {
    const flows = connectedFlows();
    const own = new Set([
      ...drawnServices.map(({ address: service }) => service.toString()),
      ...flows.map(({ client }) => client),
    ]);
    namespace.ip(
      ...[...own].map((each) => `address add ${each}/${each.includes(':') ? '128 nodad' : 32} dev lo`),
    );
    namespace.run(() => {
      for (const service of drawnServices) this.listen(service.address, service.port);
      for (const { client, port, service } of flows) this.connect(address(client), port, service);
    });
  }

  private listen(service: IpAddress, port: number): void {
    const fd = this.open(service.family);
    whenAddressesAreUp(() => bind(fd, encodeSocketAddress(service.toString(), port)));
    listen(fd, 128);
  }

  private connect(client: IpAddress, port: number, position: number): void {
    const service = drawnServices[position]!;
    const fd = this.open(client.family);
    const remote = encodeSocketAddress(service.address.toString(), service.port);
    whenAddressesAreUp(() => bind(fd, encodeSocketAddress(client.toString(), port)));
    whenAddressesAreUp(() => expect(connect(fd, remote)).toBe(0));
    this.fds.push(acceptConnection(this.fds[position]!));
    this.names.add(flowName(client, port, service.address, service.port));
  }

  private open(family: 4 | 6): number {
    const fd = socket(family === 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    this.fds.push(fd);
    return fd;
  }

  close(): void {
    for (const fd of this.fds) closeSync(fd);
  }
}

/** The daisy chain twice: in TypeScript, and in the kernel. */
class Pair {
  readonly chain: DaisyChain;
  readonly agent: XdpAgent;
  private readonly now: number;

  constructor(now: number, options: Omit<XdpAgentOptions, 'peers'>, peers: readonly IpAddress[]) {
    this.now = now;
    this.chain = new DaisyChain({ ...options, peers });
    // What the kernel is asked for is sockets alone.
    this.agent = new XdpAgent(now, { ...options, peers: peers.map(peerOf), handshakeNs: 0 });
  }

  setPeers(peers: readonly IpAddress[]): void {
    this.chain.setPeers(peers);
    this.agent.setPeers(peers.map(peerOf));
  }

  /** Gives both the packet; they have to agree. Gives what became of it. */
  check(packet: Uint8Array, padding: number, known: ReadonlySet<string>, label: string): Arrival {
    const { chain, agent } = this;
    const frame = frameOf(packet, padding);
    const arrived = frame.subarray(ETHERNET_BYTES);
    let arrival = chain.open(arrived);
    const inner = arrived.slice(chain.innerOffset, chain.innerOffset + chain.innerLength);
    if (arrival === 'ask') arrival = chain.settle(this.now, known.has(flowOf(inner)));
    const expected = this.expected(arrival, inner, frame);
    const got = agent.run(frame);
    const isSame =
      got.verdict === expected.verdict &&
      (expected.packet === undefined || Buffer.compare(got.packet, expected.packet) === 0);
    // A whole comparison for each of so many packets would take minutes.
    if (!isSame) {
      const { verdict, packet: bytes } = got;
      expect(
        { verdict, packet: bytes },
        `${label}, ${arrival}: ${Buffer.from(packet).toString('hex')}`,
      ).toEqual(expected);
    }
    return arrival;
  }

  /** What the frame is to become; what a dropped one looked like last is nobody's business. */
  private expected(
    arrival: Arrival,
    inner: Uint8Array,
    frame: Uint8Array,
  ): { verdict: number; packet: Uint8Array | undefined } {
    if (arrival === 'plain') return { verdict: XdpAction.PASS, packet: frame };
    if (arrival === 'keep') return { verdict: XdpAction.PASS, packet: frameOf(inner) };
    if (arrival !== 'forward') return { verdict: XdpAction.DROP, packet: undefined };
    const onward = this.chain.forwarded(this.now);
    const to = new IpPacket();
    expect(parseIp(onward, 0, onward.length, to)).toBeUndefined();
    const { nextHop, ownHop, interfaceIndex, vlan } = peerOf(to.destination).route!;
    const tag = vlan === undefined ? [] : [0x81, 0, vlan >> 8, vlan & 0xff];
    const type = to.family === 4 ? [8, 0] : [0x86, 0xdd];
    const packet = Uint8Array.of(...nextHop, ...ownHop, ...tag, ...type, ...onward);
    return { verdict: interfaceIndex === LOOPBACK ? XdpAction.TX : XdpAction.REDIRECT, packet };
  }
}

function pick<T>(random: RandomSource, list: readonly T[]): T {
  return list[randomBelow(random, list.length)]!;
}

/** A packet as it may come to a server: mostly within another, from whoever, with whatever note, and sometimes damaged. */
function drawArrival(random: RandomSource, family: 4 | 6): Uint8Array {
  const inner = drawPacket(random);
  if (inner.length === 0 || randomBelow(random, 20) === 0) return inner;
  const from = pick(random, [BALANCER, BALANCER, BALANCER, BALANCER, BALANCER, 1, 2, LATER, STRANGER]);
  const [source, destination] = [
    hosts[family][from]!,
    hosts[family][pick(random, [OWN, OWN, OWN, OWN, OWN, OWN, 1])]!,
  ];
  let packet: Uint8Array;
  if (randomBelow(random, 6) === 0) {
    packet = encapsulatePlainly(inner, source, destination);
  } else {
    const former = pick(random, [undefined, undefined, OWN, 1, 2, LATER, STRANGER]);
    const note: TunnelNote = {
      ...{ source, destination, generation: 0xffff_fffc + randomBelow(random, 4) },
      previous: former === undefined ? undefined : hosts[family][former],
      movedAtSeconds: former === undefined ? 0 : 990 + randomBelow(random, 4),
    };
    packet = encapsulate(inner, 0, inner.length, note);
  }
  if (randomBelow(random, 8) !== 0) return packet;
  const headerBytes = encapsulationBytes(family);
  for (let left = 1 + randomBelow(random, 2); left > 0; left--)
    packet[randomBelow(random, Math.min(packet.length, headerBytes + 2))] = pick(random, [
      0,
      4,
      6,
      41,
      60,
      0x45,
      0x49,
      0x60,
      255,
      randomBelow(random, 256),
    ]);
  return randomBelow(random, 3) === 0 ? packet.slice(0, randomBelow(random, packet.length + 1)) : packet;
}

describeWith('a daisy chain in the kernel', [mayCreateNamespaces(), mayUseXdp()], () => {
  let namespace: NetworkNamespace;
  let connections: Connections;
  beforeAll(() => {
    namespace = NetworkNamespace.create('server');
    connections = new Connections(namespace);
  });
  afterAll(() => {
    connections.close();
    namespace.close();
  });

  it.each([4, 6] as const)('does with every packet what the one in TypeScript does, over IPv%i', (family) => {
    const [own, one, two, later, balancer] = hosts[family];
    const options = {
      ...{ address: own!, balancers: [balancer!], services: drawnServices },
      ...{ joinPortBase: drawnPortBase, buckets: 64, chainNs: HOUR },
    };
    const pair = new Pair(start, options, [one!, two!]);
    const random = new SeededRandom(77 + family);
    const seen: Record<Arrival, number> = { plain: 0, keep: 0, ask: 0, forward: 0, drop: 0 };
    namespace.run(() => {
      const check = (count: number, era: string): void => {
        for (let i = 0; i < count; i++) {
          const packet = drawArrival(random, family);
          if (packet.length === 0) continue;
          const padding = pick(random, [0, 0, 0, 6]);
          seen[pair.check(packet, padding, connections.names, `${era}, packet ${i}`)]++;
        }
      };
      check(6000, 'two others');
      pair.setPeers([one!, two!, later!]);
      check(4000, 'a third one');
      pair.setPeers([later!]);
      check(4000, 'only that one');
      pair.setPeers([one!, two!, later!]);
      check(4000, 'all again');
    });
    for (const count of [seen.plain, seen.keep, seen.forward, seen.drop]) expect(count).toBeGreaterThan(500);
    const { kept, forwarded, fromPeers, spoofed, foreign, stale } = pair.chain.counters;
    expect(stale).toBeGreaterThan(50);
    expect(pair.agent.counters()).toEqual({
      ...{ kept, forwarded, 'from-peers': fromPeers, spoofed, foreign, stale },
      ...{ unreachable: 0, 'no-room': 0 },
    });
    pair.agent.close();
  });

  it.each(['beamer', 'token-map'])('does so with every packet of the fixture of %s', (design) => {
    const fixture = readFixture(design);
    const addresses = new Map(fixture.servers.map(({ id, address: text }) => [id, address(text)]));
    const source = address('10.9.9.9');
    const services = fixture.services.map(({ address: text, port }) => ({ address: address(text), port }));
    const { buckets } = fixture.settings;
    const options = { address: addresses.get(2)!, balancers: [source], services, buckets };
    const pair = new Pair(320 * SECOND, { ...options, joinPortBase: fixture.joinPortBase }, [
      ...addresses.values(),
    ]);
    let packets = 0;
    namespace.run(() => {
      for (const step of fixture.steps) {
        if (step.packet === undefined) continue;
        const packet = Uint8Array.from(Buffer.from(step.packet, 'hex'));
        const { movedAtSeconds = 0, generation = 0 } = step;
        const previous = addresses.get(step.previous ?? 0);
        const note = { source, destination: options.address, previous, movedAtSeconds, generation };
        pair.check(encapsulate(packet, 0, packet.length, note), 0, new Set(), step.name ?? '');
        packets++;
      }
    });
    expect(packets).toBeGreaterThan(100);
    expect(pair.chain.counters.kept).toBeGreaterThan(50);
    pair.agent.close();
  });
});

/** What is read of a file of test/balancer/fixtures/. */
interface Fixture {
  readonly joinPortBase: number;
  readonly settings: { readonly buckets: number };
  readonly services: readonly { readonly address: string; readonly port: number }[];
  readonly servers: readonly { readonly id: number; readonly address: string }[];
  readonly steps: readonly {
    readonly name?: string;
    readonly packet?: string;
    readonly previous?: number;
    readonly movedAtSeconds?: number;
    readonly generation?: number;
  }[];
}

function readFixture(design: string): Fixture {
  const folder = join(import.meta.dirname, '..', '..', '..', 'test', 'balancer', 'fixtures');
  return JSON.parse(readFileSync(join(folder, `${design}.json`), 'utf8')) as Fixture;
}

/**
 * The fixtures of all designs, packet by packet through rings of the kernel's and the loop that a thread of the data path in user space runs:
 * what leaves towards a server has to be, byte for byte, what the rules in TypeScript make of it.
 */
import { closeSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  Balancer,
  type DesignName,
  designNames,
  encapsulate,
  type ServerSpec,
  Services,
} from '../../src/balancer/index.js';
import { SECOND, SeededRandom } from '../../src/base/index.js';
import {
  bind,
  eventDescriptor,
  interfaceFacts,
  mayCreateNamespaces,
  mayUseXdp,
  NativeBuffer,
  NetworkNamespace,
  PacketRings,
  socket,
  SocketProgram,
  WorkerRings,
  writeFrom,
} from '../../src/linux/index.js';
import { PacketMover, type WayPlan } from '../../src/node/balancer/packet-mover.js';
import { WorkerCounts } from '../../src/node/balancer/worker-counts.js';
import { emitIpHeader, IpAddress } from '../../src/wire/index.js';
import { describeWith } from '../support/with-rights.js';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const ETH_P_ALL = 3;
const clientHop = Uint8Array.of(2, 0, 0, 0, 0, 7);
const serverHop = Uint8Array.of(2, 0, 0, 0, 0, 9);
const source = IpAddress.parse('10.9.0.99')!;

interface ListedServer {
  readonly id: number;
  readonly address: string;
  readonly weight: number;
  readonly state: 'up' | 'draining' | 'gone';
}

interface Fixture {
  readonly joinPortBase: number;
  readonly settings: object;
  readonly services: readonly { readonly address: string; readonly port: number }[];
  readonly servers: readonly ListedServer[];
  readonly steps: readonly (
    | { readonly atSeconds: number; readonly servers: readonly ListedServer[] }
    | {
        readonly atSeconds: number;
        readonly name: string;
        readonly packet: string;
        readonly action: string;
        readonly reason: string;
        readonly server: number;
        readonly previous: number;
        readonly movedAtSeconds: number;
        readonly generation: number;
      }
  )[];
}

const fixtureOf = (design: DesignName): Fixture =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', `${design}.json`), 'utf8')) as Fixture;
const address = (text: string): IpAddress => IpAddress.parse(text)!;
const specOf = (server: ListedServer): ServerSpec => ({ ...server, address: address(server.address) });

/** A socket that sends and hears whole frames at an interface. */
function frameSocket(device: string, hears: boolean): number {
  const fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const local = new Uint8Array(20);
  const view = new DataView(local.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, hears ? ETH_P_ALL : 0);
  view.setInt32(4, interfaceFacts(device).index, true);
  bind(fd, local);
  return fd;
}

/** Client, balancer and servers, with the loop of a thread between them. */
class Bench {
  readonly counts = new WorkerCounts();
  readonly balancer: Balancer;
  readonly rings: WorkerRings;
  private readonly mover: PacketMover;
  private readonly interfaceIndex: number;
  private readonly sender: number;
  private readonly hearers: { readonly client: number; readonly server: number };
  private readonly room = Buffer.alloc(4096);
  private readonly closing: (() => void)[] = [];

  constructor(design: DesignName, fixture: Fixture) {
    const [client, middle, server] = ['client', 'middle', 'server'].map((label) => {
      const namespace = NetworkNamespace.create(label);
      this.closing.push(() => namespace.close());
      return namespace;
    }) as [NetworkNamespace, NetworkNamespace, NetworkNamespace];
    for (const namespace of [client, middle, server])
      namespace.sysctl('net.ipv6.conf.default.disable_ipv6', 1);
    client.connectTo(middle, 'c0', 'b0');
    middle.connectTo(server, 'b1', 's0');
    this.sender = client.run(() => frameSocket('c0', false));
    this.hearers = {
      client: client.run(() => frameSocket('c0', true)),
      server: server.run(() => frameSocket('s0', true)),
    };
    const services = fixture.services.map((each) => ({ address: address(each.address), port: each.port }));
    const { joinPortBase, settings } = fixture;
    const opened = middle.run(() => {
      const inward = interfaceFacts('b0');
      const outward = interfaceFacts('b1');
      const rings = new PacketRings({ interfaces: [inward], workers: 1 });
      this.closing.push(() => rings.close());
      rings.openSending(outward);
      const program = new SocketProgram({
        ...{ device: 'b0', mode: 'native', services: new Services(services, joinPortBase) },
        ...{ sockets: rings.receivers(inward.index), workers: 1 },
      });
      this.closing.push(() => program.close());
      return { plan: rings.plan(0), index: outward.index };
    });
    const wake = eventDescriptor();
    this.closing.push(() =>
      [wake, this.sender, ...Object.values(this.hearers)].forEach((fd) => closeSync(fd)),
    );
    this.interfaceIndex = opened.index;
    this.rings = new WorkerRings(opened.plan, wake);
    this.balancer = new Balancer(SECOND, {
      ...{ design, services, joinPortBase, settings, servers: fixture.servers.map(specOf) },
      random: new SeededRandom(1),
    });
    const { rings, balancer, counts } = this;
    this.mover = new PacketMover({ rings, balancer, source, counts, answersPerSecond: 1000 });
    this.takeWays(fixture.servers);
  }

  takeWays(servers: readonly ListedServer[]): void {
    const ways = servers.map(({ id, address: text }): WayPlan => ({
      ...{ server: id, address: text, interfaceIndex: this.interfaceIndex, mtu: 1500 },
      ...{ ownHop: clientHop, nextHop: serverHop },
    }));
    this.mover.setWays(
      ways,
      servers.map((each) => address(each.address)),
    );
  }

  /** Sends the packet from the client, and gives what left towards servers and clients: whole frames. */
  pass(
    now: number,
    packet: Uint8Array,
    isPassed: boolean,
  ): { toServer: Uint8Array[]; toClient: Uint8Array[] } {
    const isV6 = (packet[0] ?? 0) >>> 4 === 6;
    const buffer = new NativeBuffer(14 + packet.length);
    buffer.bytes.set([2, 2, 2, 2, 2, 2, ...clientHop, ...(isV6 ? [0x86, 0xdd] : [8, 0]), ...packet]);
    expect(writeFrom(this.sender, buffer.address, buffer.bytes.length)).toBe(buffer.bytes.length);
    this.rings.wait(isPassed ? 5 : 5000);
    expect(this.mover.moveBatch(now)).toBe(isPassed ? 0 : 1);
    return { toServer: this.hear(this.hearers.server), toClient: this.hear(this.hearers.client) };
  }

  private hear(fd: number): Uint8Array[] {
    const heard: Uint8Array[] = [];
    for (;;) {
      let length: number;
      try {
        length = readSync(fd, this.room);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') break;
        throw error;
      }
      // What this bench sent itself is heard too, at the client's.
      const frame = Uint8Array.from(this.room.subarray(0, length));
      if (!clientHop.every((byte, i) => byte === frame[6 + i]) || fd === this.hearers.server)
        heard.push(frame);
    }
    return heard;
  }

  close(): void {
    for (const close of this.closing.reverse()) close();
  }
}

/** The packet as it should be on its way: within another, with beamer's note or without. */
function outerOf(
  design: DesignName,
  packet: Uint8Array,
  step: Extract<Fixture['steps'][number], { packet: string }>,
  servers: readonly ListedServer[],
): Uint8Array {
  const view = new DataView(packet.buffer, packet.byteOffset);
  const isV6 = packet[0]! >>> 4 === 6;
  const inner = packet.subarray(0, isV6 ? 40 + view.getUint16(4) : view.getUint16(2));
  const addressBy = (id: number): IpAddress => address(servers.find((each) => each.id === id)!.address);
  const destination = addressBy(step.server);
  if (design === 'beamer') {
    const { movedAtSeconds, generation } = step;
    const previous = step.previous === 0 ? undefined : addressBy(step.previous);
    return encapsulate(inner, 0, inner.length, { source, destination, previous, movedAtSeconds, generation });
  }
  const outer = new Uint8Array(20 + inner.length);
  emitIpHeader(outer, 0, {
    ...{ source, destination, protocol: isV6 ? 41 : 4, payloadLength: inner.length, hopLimit: 250 },
  });
  outer.set(inner, 20);
  return outer;
}

describeWith('the data path in user space', [mayCreateNamespaces(), mayUseXdp()], () => {
  it.each(designNames)('does with every packet of the fixture of %s what the rules say', (design) => {
    const fixture = fixtureOf(design);
    const bench = new Bench(design, fixture);
    let servers = fixture.servers;
    const seen = new Map<string, number>();
    try {
      for (const step of fixture.steps) {
        const now = step.atSeconds * SECOND;
        if (bench.balancer.pollTimeout() <= now) bench.balancer.handleTimeout(now);
        if ('servers' in step) {
          bench.balancer.setServers(now, step.servers.map(specOf));
          // The bench is told of all servers that there ever were, so that a note may name one that drains.
          servers = [...step.servers, ...servers.filter(({ id }) => !step.servers.some((s) => s.id === id))];
          bench.takeWays(servers);
          continue;
        }
        const packet = Uint8Array.from(Buffer.from(step.packet, 'hex'));
        const { toServer, toClient } = bench.pass(now, packet, step.action === 'pass');
        const label = `${step.name} at ${step.atSeconds}`;
        const isForwarded = step.action === 'deliver' || step.action === 'encapsulate';
        const expected = isForwarded ? [[...outerOf(design, packet, step, servers)]] : [];
        expect(
          toServer.map((frame) => [...frame.subarray(14)]),
          label,
        ).toEqual(expected);
        for (const frame of toServer)
          expect([...frame.subarray(0, 14)], label).toEqual([...serverHop, ...clientHop, 8, 0]);
        seen.set(step.reason, (seen.get(step.reason) ?? 0) + 1);
        if (step.action !== 'refuse' || step.reason === 'unknown-token') expect(toClient, label).toEqual([]);
      }
      // What the rules pass never comes to user space.
      const { byReason } = bench.balancer.counters;
      expect([byReason[1], byReason[2]]).toEqual([0, 0]);
      expect(byReason[0]).toBe(seen.get('none'));
    } finally {
      bench.close();
    }
  });
});

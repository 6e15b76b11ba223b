import { closeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { Services } from '../../balancer/index.js';
import { finishTcpChecksum, IpAddress, pseudoHeaderSumAt, verifyTcpChecksum } from '../../wire/index.js';
import { BpfObject, type BpfProgram, readPackagedObject, XdpAction } from '../bpf/index.js';
import { mayCreateNamespaces, mayUseXdp } from '../capabilities.js';
import { AF_INET, SOCK_CLOEXEC, SOCK_RAW } from '../constants.js';
import { eventDescriptor, NativeBuffer, sendFrom, socket } from '../libc.js';
import { NetworkNamespace } from '../namespace.js';
import { encodeSocketAddress } from '../socket-address.js';
import { encodeServices } from '../xdp/xdp-tables.js';
import { FramePool } from './frame-pool.js';
import { interfaceFacts } from './interface-facts.js';
import type { PortPlan } from './packet-port.js';
import { PacketRings, type PacketRingsOptions } from './packet-rings.js';
import { SocketProgram } from './socket-program.js';
import { headroomBytes, WorkerRings } from './worker-rings.js';

const IPPROTO_RAW = 255;
const services = new Services([{ address: IpAddress.parse('192.0.2.1')!, port: 443 }], 49_152);

/** A segment from a port of the client's to the service, followed by `payload` bytes. */
function segment(port: number, payload = 0): Uint8Array {
  const bytes = new Uint8Array(40 + payload).fill(7, 40);
  bytes.set([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 9, 0, 2, 192, 0, 2, 1]);
  bytes.set([0, 0, 1, 187, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1], 20);
  const view = new DataView(bytes.buffer);
  view.setUint16(2, bytes.length);
  view.setUint16(20, port);
  return bytes;
}

/** The destination unreachable that quotes what the service sent to that port. */
function unreachable(port: number): Uint8Array {
  const bytes = new Uint8Array(20 + 8 + 28);
  bytes.set([0x45, 0, 0, bytes.length, 0, 0, 0, 0, 64, 1, 0, 0, 10, 9, 0, 77, 192, 0, 2, 1, 3, 1]);
  bytes.set([0x45, 0, 0, 60, 0, 0, 0, 0, 60, 6, 0, 0, 192, 0, 2, 1, 10, 9, 0, 2, 1, 187], 28);
  new DataView(bytes.buffer).setUint16(50, port);
  return bytes;
}

describe('free frames', () => {
  it('come back from wherever in a frame a packet was, the one used last first', () => {
    const pool = new FramePool(4, 2048);
    pool.put(2048);
    pool.put(4096 + 300);
    expect(pool.size).toBe(2);
    expect([pool.take(), pool.take()]).toEqual([4096, 2048]);
  });

  it('cannot be more than there are', () => {
    const pool = new FramePool(1, 2048);
    pool.put(0);
    expect(() => pool.put(0)).toThrow('twice');
  });
});

describeWith('the program before the sockets', [mayUseXdp()], () => {
  const object = (): BpfObject => {
    const { keys, values } = encodeServices(services);
    const made = new BpfObject(readPackagedObject('to_sockets'));
    made.map('services').setAll(keys, values);
    return made;
  };
  const frame = (packet: Uint8Array, ...type: number[]): Uint8Array =>
    Uint8Array.of(...[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], ...type, ...packet);
  const verdictOn = (packet: Uint8Array, ...type: number[]): number => {
    const made = object();
    let program: BpfProgram | undefined;
    try {
      program = made.load('to_sockets');
      return program.run(frame(packet, ...(type.length > 0 ? type : [8, 0]))).verdict;
    } finally {
      program?.close();
      made.close();
    }
  };

  it('leaves to the host what is for no service, carries a VLAN tag, or is no TCP', () => {
    const other = segment(5);
    other[19] = 2;
    const udp = segment(5);
    udp[9] = 17;
    expect([verdictOn(other), verdictOn(udp), verdictOn(segment(5), 0x81, 0, 0, 5, 8, 0)]).toEqual([
      ...[XdpAction.PASS, XdpAction.PASS, XdpAction.PASS],
    ]);
  });

  it('never leaves a packet of a service to the host, with or without a socket', () => {
    const piece = segment(5);
    piece[6] = 0x20;
    // There is no socket in the map: what would go to one is dropped.
    expect([verdictOn(segment(5)), verdictOn(unreachable(5)), verdictOn(piece)]).toEqual([
      ...[XdpAction.DROP, XdpAction.DROP, XdpAction.DROP],
    ]);
  });
});

describeWith('rings of packets', [mayCreateNamespaces(), mayUseXdp()], () => {
  let client: NetworkNamespace;
  let middle: NetworkNamespace;
  let raw: number;
  const closing: (() => void)[] = [];

  beforeEach(() => {
    client = NetworkNamespace.create('client');
    middle = NetworkNamespace.create('middle');
    client.connectTo(middle, 'c0', 'b0');
    client.ip('address add 10.9.0.2/24 dev c0', 'route add 192.0.2.1 via 10.9.0.1');
    middle.ip('address add 10.9.0.1/24 dev b0');
    raw = client.run(() => socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  });
  afterEach(() => {
    for (const close of closing.splice(0).reverse()) close();
    closeSync(raw);
    client.close();
    middle.close();
  });

  function send(packet: Uint8Array, to = '192.0.2.1'): void {
    const buffer = new NativeBuffer(packet.length);
    buffer.bytes.set(packet);
    const sent = sendFrom(raw, buffer.address, packet.length, encodeSocketAddress(to, 0));
    expect(sent).toBe(packet.length);
  }

  /** Rings at b0, and what `workers` threads would see of them. */
  function open(
    workers = 1,
    options: Partial<PacketRingsOptions> = {},
    mode: 'native' | 'generic' = 'native',
  ): { rings: PacketRings; sides: WorkerRings[] } {
    return middle.run(() => {
      const facts = interfaceFacts('b0');
      const rings = new PacketRings({ interfaces: [facts], workers, ...options });
      closing.push(() => rings.close());
      const sides = Array.from({ length: workers }, (_, i) => {
        const wake = eventDescriptor();
        closing.push(() => closeSync(wake));
        return new WorkerRings(rings.plan(i), wake);
      });
      const sockets = rings.receivers(facts.index);
      const program = new SocketProgram({ device: 'b0', mode, services, sockets, workers });
      closing.push(() => program.close());
      return { rings, sides };
    });
  }

  /** Takes what came: the IP packets, whose frames go back. */
  function take(side: WorkerRings, atLeast: number): Uint8Array[] {
    const taken: Uint8Array[] = [];
    for (let tries = 0; tries < 50 && taken.length < atLeast; tries++) {
      side.wait(100);
      for (const port of side.ports) {
        const count = port.receive.available(512);
        for (let i = 0; i < count; i++) {
          const at = port.receive.offset(i);
          taken.push(side.bytes.slice(at + 14, at + port.receive.length(i)));
          side.pool.put(at);
        }
        port.receive.release(count);
      }
      side.finishBatch();
    }
    return taken;
  }

  it('lead to servers by an interface that was taken for long, once it is let go', async () => {
    const other = NetworkNamespace.create('other');
    closing.push(() => other.close());
    middle.connectTo(other, 'm1', 's1');
    const sizes = { receive: 64, send: 64, fill: 64, completion: 64 };
    const openAt = (device: string, workers: number): PacketRings =>
      middle.run(() => new PacketRings({ interfaces: [interfaceFacts(device)], workers, sizes }));
    const rings = openAt('b0', 2);
    closing.push(() => rings.close());
    const holder = openAt('m1', 1);
    const lead = (): readonly PortPlan[] | undefined =>
      middle.run(() => rings.openSending(interfaceFacts('m1')));
    for (let i = 0; i < 300; i++) expect(lead).toThrowError(/EBUSY/);
    holder.close();
    let plans: readonly PortPlan[] | undefined;
    await vi.waitFor(() => (plans = lead()));
    expect(plans).toHaveLength(2);
    expect(lead()).toBeUndefined();
    expect([0, 1].map((worker) => rings.plan(worker).ports.length)).toEqual([2, 2]);
  });

  it('lead to servers beside an interface of as many queues as there may be sockets', () => {
    const [client, middle] = [NetworkNamespace.create('client'), NetworkNamespace.create('middle')];
    closing.push(
      () => client.close(),
      () => middle.close(),
    );
    client.connectTo(middle, 'c0', 'm1');
    middle.ip('link add b0 numrxqueues 64 numtxqueues 64 type veth peer name c1', 'link set b0 up');
    const sizes = { receive: 64, send: 64, fill: 64, completion: 64 };
    const rings = middle.run(
      () => new PacketRings({ interfaces: [interfaceFacts('b0')], workers: 1, sizes }),
    );
    closing.push(() => rings.close());
    expect(rings.plan(0).ports).toHaveLength(64);
    expect(middle.run(() => rings.openSending(interfaceFacts('m1')))).toHaveLength(1);
  });

  it.each(['native', 'generic'] as const)(
    'hold what is for a service, with room in front of it, in %s mode; the host has the rest',
    (mode) => {
      const { sides } = open(1, {}, mode);
      for (let port = 1; port <= 300; port++) send(segment(port));
      const ports = take(sides[0]!, 300).map((packet) => packet[20]! * 256 + packet[21]!);
      expect(ports).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
      expect(headroomBytes).toBeGreaterThan(100);
      const own = segment(5);
      own.set([10, 9, 0, 1], 16);
      send(own, '10.9.0.1');
      expect(middle.counters().get('TcpInSegs')).toBe(1);
    },
  );

  it('go on for many times their places', () => {
    const { rings, sides } = open(1, { sizes: { receive: 64, send: 64, fill: 64, completion: 64 } });
    let taken = 0;
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < 50; i++) send(segment(1 + i));
      taken += take(sides[0]!, 50).length;
    }
    expect(taken).toBe(2000);
    expect(rings.statistics()).toEqual({ dropped: 0, ringFull: 0, noFrame: 0, invalid: 0 });
  });

  it('count what found no place, and go on', () => {
    const { rings, sides } = open(1, { sizes: { receive: 64, send: 64, fill: 64, completion: 64 } });
    for (let i = 0; i < 100; i++) send(segment(1 + i));
    const taken = take(sides[0]!, 64).length;
    const { dropped, ringFull } = rings.statistics();
    expect(taken).toBe(64);
    expect(dropped + ringFull).toBeGreaterThanOrEqual(36);
    send(segment(9));
    expect(take(sides[0]!, 1)).toHaveLength(1);
  });

  it('count a packet that is longer than a frame', () => {
    const { rings, sides } = open();
    client.ip('link set c0 mtu 3000');
    middle.ip('link set b0 mtu 3000');
    send(segment(3, 2500));
    send(segment(4));
    expect(take(sides[0]!, 1).map(({ length }) => length)).toEqual([40]);
    expect(rings.statistics().dropped).toBe(1);
  });

  it('send a packet from where it lies, and have its frame back', () => {
    const { sides } = open(1, { sizes: { receive: 64, send: 64, fill: 64, completion: 64 } });
    const side = sides[0]!;
    const port = side.ports[0]!;
    const before = client.counters().get('TcpInSegs')!;
    // Many more than there are frames, back to whom they came from.
    for (let round = 0; round < 300; round++) {
      send(segment(77));
      side.wait(1000);
      expect(port.receive.available(8)).toBe(1);
      const at = port.receive.offset(0);
      side.bytes.copyWithin(at, at + 6, at + 12);
      side.bytes.set([10, 9, 0, 1, 10, 9, 0, 2], at + 14 + 12);
      expect(port.transmit(at, 54)).toBe(true);
      port.receive.release(1);
      side.finishBatch();
    }
    expect(port.isStalled).toBe(false);
    expect(client.counters().get('TcpInSegs')! + client.counters().get('IpInHdrErrors')! - before).toBe(300);
  });

  it('refuse and count what has no place to leave by', () => {
    const { sides } = open(1, { sizes: { receive: 64, send: 64, fill: 64, completion: 64 } });
    const side = sides[0]!;
    const port = side.ports[0]!;
    for (let i = 0; i < 64; i++) expect(port.transmit(side.pool.take(), 60)).toBe(true);
    const left = side.pool.take();
    expect(port.transmit(left, 60)).toBe(false);
    expect(port.refused).toBe(1);
    side.pool.put(left);
  });

  it('have a worker for each flow, and the errors about it go to the same one', () => {
    const { sides } = open(2);
    for (let port = 1; port <= 100; port++) {
      send(segment(port));
      send(unreachable(port));
    }
    const seen = sides.map((side) => take(side, 1));
    expect(seen[0]!.length + seen[1]!.length).toBe(200);
    const flows = seen.map((packets) => ({
      segments: packets.filter((p) => p[9] === 6).map((p) => p[20]! * 256 + p[21]!),
      errors: packets.filter((p) => p[9] === 1).map((p) => p[50]! * 256 + p[51]!),
    }));
    for (const { segments, errors } of flows) {
      expect(segments.length).toBeGreaterThan(20);
      expect(errors).toEqual(segments);
    }
  });

  it('see a checksum that the sender left to its interface, which can be finished', () => {
    const { sides } = open();
    const attempt = client.spawn('bash', ['-c', 'exec 3<>/dev/tcp/192.0.2.1/443'], { stdio: 'ignore' });
    const packet = take(sides[0]!, 1)[0]!;
    attempt.kill('SIGKILL');
    const length = packet.length - 20;
    const sum = pseudoHeaderSumAt(packet, 12, 8, 6, length);
    expect(verifyTcpChecksum(packet, 20, length, sum)).toBe(false);
    expect(finishTcpChecksum(packet, 20, length, sum)).toBe(true);
    expect(verifyTcpChecksum(packet, 20, length, sum)).toBe(true);
  });

  it('cannot be had where another program has the queue', () => {
    open();
    expect(() => open()).toThrow(/EBUSY.*b0/);
  });

  it('say when their interface is gone', () => {
    const { sides } = open();
    expect(sides[0]!.findBroken()).toBeUndefined();
    middle.ip('link delete b0');
    expect(sides[0]!.findBroken()).toBe(sides[0]!.ports[0]);
  });

  it('leave nothing behind', async () => {
    const first = open();
    expect(middle.ip('link show dev b0')).toMatch(/\bxdp/);
    expect(first.sides).toHaveLength(1);
    for (const close of closing.splice(0).reverse()) close();
    expect(middle.ip('link show dev b0')).not.toMatch(/\bxdp/);
    // The kernel lets go of a queue some time after the last descriptor of it is closed.
    const { sides } = await vi.waitFor(() => open(), { timeout: 10_000 });
    send(segment(5));
    expect(take(sides[0]!, 1)).toHaveLength(1);
  });
});

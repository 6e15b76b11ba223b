import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MILLISECOND, NEVER, SECOND } from '../base/index.js';
import { defaultMptcpSettings, settingsForServiceType } from '../mptcp/index.js';
import { Stack } from '../stack/index.js';
import { TcpFlag } from '../wire/index.js';
import { type Device, Packet, type PacketReceiver } from './device.js';
import { coalescePackets } from './gro.js';
import { cutParts, readLayout, SegmentLayout } from './gso.js';
import { PacketSlab } from './packet-slab.js';
import { Simulator } from './simulator.js';
import { PacketGlance } from './packet-glance.js';
import { PacketDigest, TapDevice } from './tap.js';
import { pathAddress, twoHosts } from './topology.js';

/** Keeps what a device sends; a copy of the note of each packet. */
class Recorder implements Device {
  readonly sent: Packet[] = [];
  private readonly inner: Device;

  constructor(inner: Device) {
    this.inner = inner;
  }

  get capabilities(): Device['capabilities'] {
    return this.inner.capabilities;
  }

  get isUp(): boolean {
    return this.inner.isUp;
  }

  send(now: number, packet: Packet): void {
    if (packet.note !== undefined) this.sent.push(copyOf(packet));
    this.inner.send(now, packet);
  }

  attach(receiver: PacketReceiver): void {
    this.inner.attach(receiver);
  }
}

/** The same packet, unwritten. */
function copyOf(packet: Packet): Packet {
  return Packet.of(packet.note!, packet.length);
}

/** The same packet, written. */
function writtenCopy(packet: Packet): Packet {
  return new Packet(copyOf(packet).bytes, packet.segmentSize, packet.needsChecksum);
}

interface World {
  readonly seed: number;
  readonly lossy: boolean;
  readonly offloadBytes: number;
  readonly coalesceNs: number;
  readonly checksumOffload: boolean;
}

/** A transfer over two paths. Gives what happened, and what the client's first device sent unwritten. */
function transfer(world: World, wrap: (device: Device) => Device): { outcome: unknown; bytes: string } {
  const simulator = new Simulator(world.seed);
  const lossy = {
    loss: { kind: 'random', probability: 0.01 } as const,
    reorderProbability: 0.01,
    reorderNs: 3e6,
  };
  const both = {
    ...{ rateBps: 20e6, delayNs: 5 * MILLISECOND, queue: { bytes: 40_000 }, coalesceNs: world.coalesceNs },
    ...(world.lossy && { ...lossy, corruptProbability: 0.002, duplicateProbability: 0.005 }),
  };
  const path = { both, checksumOffload: world.checksumOffload, maxOffloadBytes: world.offloadBytes, wrap };
  const { client, server, links } = twoHosts(simulator, {
    client: new Stack({ random: simulator.random.fork() }),
    server: new Stack({ random: simulator.random.fork() }),
    paths: [path, { ...path, families: 'both' as const }],
  });
  const listener = server.stack.listen(0, { local: { port: 80 } });
  let text = 0;
  server.run(0, {
    handleEvent: (now, event) => {
      if (event.type === 'acceptable') listener.accept();
      else if (event.type === 'readable') {
        for (let view = event.socket.read(now); view !== undefined; view = event.socket.read(now))
          for (const byte of view) text = (Math.imul(text, 31) + byte) | 0;
      } else if (event.type === 'peer-closed') event.socket.shutdown(now);
    },
    pollTimeout: () => NEVER,
    handleTimeout: () => undefined,
  });
  const socket = client.stack.connect(0, { remote: { address: pathAddress(0, 'server', 4), port: 80 } });
  client.run(0, { handleEvent: () => undefined, pollTimeout: () => NEVER, handleTimeout: () => undefined });
  socket.write(
    0,
    Uint8Array.from({ length: 300_000 }, (_, i) => (i * 131) & 0xff),
  );
  socket.shutdown(0);
  client.wake(0);
  simulator.run({ until: 60e9 });
  const counters = links.map(({ forward, backward }) => [{ ...forward.counters }, { ...backward.counters }]);
  const outcome = [
    counters,
    simulator.eventCount,
    { ...client.stack.counters },
    { ...server.stack.counters },
  ];
  return { outcome, bytes: String(text) };
}

/** When bytes of a download reach the client, whose first path dies in the middle. */
function handOver(wrap: (device: Device) => Device): number[] {
  const simulator = new Simulator(1);
  const mptcp = settingsForServiceType('handover');
  const stack = (): Stack =>
    new Stack({
      random: simulator.random.fork(),
      settings: { mptcp: { ...defaultMptcpSettings, ...mptcp } },
    });
  const path = { both: { rateBps: 10e6, delayNs: 20 * MILLISECOND }, wrap };
  const { client, server, links } = twoHosts(simulator, {
    ...{ client: stack(), server: stack(), paths: [path, path] },
  });
  const arrivals: number[] = [];
  const listener = server.stack.listen(0, { local: { port: 80 } });
  server.run(0, {
    handleEvent: (now, event) => {
      if (event.type === 'acceptable') listener.accept()!.write(now, new Uint8Array(2_000_000));
    },
    ...{ pollTimeout: () => NEVER, handleTimeout: () => undefined },
  });
  const socket = client.stack.connect(0, { remote: { address: pathAddress(0, 'server', 4), port: 80 } });
  client.run(0, {
    handleEvent: (now) => {
      while (socket.read(now) !== undefined) arrivals.push(now);
    },
    ...{ pollTimeout: () => NEVER, handleTimeout: () => undefined },
  });
  client.wake(0);
  simulator.at(SECOND / 2, (now) => links[0]!.setState(now, 'blackhole'));
  simulator.run({ until: 10 * SECOND });
  return arrivals;
}

const worlds = fc.record({
  ...{ seed: fc.nat(10_000), lossy: fc.boolean(), checksumOffload: fc.boolean() },
  ...{ offloadBytes: fc.constantFrom(0, 20_000), coalesceNs: fc.constantFrom(0, 2_000_000) },
});

describe('packets that nobody has written', () => {
  it('make no difference to what happens in a world', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const unseen = transfer(world, (device) => device);
        const seen = transfer(world, (device) => new TapDevice(device, [new PacketDigest()]));
        expect(unseen).toEqual(seen);
      }),
      { numRuns: 12 },
    );
  });

  it('make no difference to a connection that moves from a dead path to a new one', () => {
    const unseen = handOver((device) => device);
    expect(unseen.at(-1)).toBeGreaterThan(SECOND);
    expect(unseen).toEqual(handOver((device) => new TapDevice(device, [new PacketDigest()])));
  });

  it('are cut and merged to the same bytes as those that were written', () => {
    const recorders: Recorder[] = [];
    const world = { seed: 5, lossy: false, offloadBytes: 20_000, coalesceNs: 0, checksumOffload: true };
    transfer(world, (device) => {
      recorders.push(new Recorder(device));
      return recorders.at(-1)!;
    });
    const sent = recorders.flatMap((recorder) => recorder.sent).filter((packet) => packet.segmentSize > 0);
    expect(sent.length).toBeGreaterThan(5);
    const slab = new PacketSlab(65_536);
    for (const packet of sent) {
      const layout = new SegmentLayout();
      expect(readLayout(packet, layout)).toBe(true);
      const parts = Array.from({ length: layout.count }, (_, i) => cutParts(packet, layout, i, 1, slab));
      const whole = writtenCopy(packet);
      const written = parts.map((_, i) => cutParts(whole, layout, i, 1, slab));
      expect(parts.every(({ note }) => note !== undefined)).toBe(true);
      const [merged, mergedWritten]: [Packet[], Packet[]] = [[], []];
      coalescePackets(parts.map(copyOf), slab, merged);
      coalescePackets(written, slab, mergedWritten);
      expect(describeAll(parts)).toEqual(describeAll(written));
      expect(describeAll(merged)).toEqual(describeAll(mergedWritten));
    }
  });

  it('can be looked at and stay unwritten: the headers are those that they will have, with their checksums', () => {
    const recorders: Recorder[] = [];
    const world = { seed: 7, lossy: false, offloadBytes: 0, coalesceNs: 0, checksumOffload: false };
    transfer(world, (device) => {
      recorders.push(new Recorder(device));
      return recorders.at(-1)!;
    });
    const sent = recorders.flatMap((recorder) => recorder.sent);
    expect(new Set(sent.map(({ note }) => note!.payload.length > 0))).toEqual(new Set([true, false]));
    const [glance, whole] = [new PacketGlance(), new PacketGlance()];
    for (const packet of sent) {
      glance.look(packet);
      const { bytes, length, rest, headerLength } = glance;
      expect(packet.note?.payload).toBe(rest);
      const written = writtenCopy(packet);
      expect(Buffer.concat([bytes.subarray(0, length), rest]).equals(written.bytes)).toBe(true);
      whole.look(written);
      expect(headerLength).toBe(length);
      expect(whole).toMatchObject({ bytes: written.bytes, length: packet.length, headerLength: length });
    }
  });

  it.each([TcpFlag.ECE, TcpFlag.CWR, TcpFlag.PSH, TcpFlag.FIN])(
    'are merged as written ones are where one has another flag: %i',
    (flag) => {
      const recorders: Recorder[] = [];
      const world = { seed: 7, lossy: false, offloadBytes: 20_000, coalesceNs: 0, checksumOffload: true };
      transfer(world, (device) => {
        recorders.push(new Recorder(device));
        return recorders.at(-1)!;
      });
      const layout = new SegmentLayout();
      const slab = new PacketSlab(65_536);
      const large = recorders[0]!.sent.find((packet) => readLayout(packet, layout) && layout.count > 3)!;
      const parts = [0, 1, 2].map((i) => cutParts(large, layout, i, 1, slab));
      parts[1]!.note!.flags |= flag;
      const [merged, mergedWritten]: [Packet[], Packet[]] = [[], []];
      coalescePackets(parts.map(copyOf), slab, merged);
      coalescePackets(parts.map(writtenCopy), slab, mergedWritten);
      expect(mergedWritten.length).toBeGreaterThan(1);
      expect(describeAll(merged)).toEqual(describeAll(mergedWritten));
    },
  );

  it('are written once somebody asks for their bytes, and may be changed then', () => {
    const recorders: Recorder[] = [];
    const world = { seed: 6, lossy: false, offloadBytes: 0, coalesceNs: 0, checksumOffload: false };
    transfer(world, (device) => {
      recorders.push(new Recorder(device));
      return recorders.at(-1)!;
    });
    const packet = recorders[0]!.sent.find(({ length }) => length > 1000)!;
    expect(packet.bytes.length).toBe(packet.length);
    expect(packet.note).toBe(undefined);
    const other = recorders[0]!.sent.find((each) => each !== packet && each.length > 1000)!;
    const before = Buffer.from(other.bytes).toString('hex');
    packet.bytes.fill(255);
    expect(packet.bytes.every((byte) => byte === 255)).toBe(true);
    expect(Buffer.from(other.bytes).toString('hex')).toBe(before);
  });
});

function describeAll(packets: readonly Packet[]): readonly unknown[] {
  return packets.map((packet) => [
    packet.segmentSize,
    packet.needsChecksum,
    Buffer.from(packet.bytes).toString('hex'),
  ]);
}

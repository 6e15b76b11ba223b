/**
 * One-way delays in simulated worlds captured at both hosts, where the delays, what was lost and how far the clocks are apart
 * are known: the analyser gives them back as well as they can be told.
 */
import { MILLISECOND, SECOND } from '../../src/base/index.js';
import { describe, expect, it } from 'vitest';
import { type CapturedPacket, PcapngWriter, readCapture } from '../../src/capture/index.js';
import {
  CaptureObserver,
  type Device,
  type Direction,
  middleboxBehaviour,
  type LinkOptions,
  type PathSetup,
  randomLoss,
  runTrial,
  type Side,
  TapDevice,
} from '../../src/network/index.js';
import {
  type DelaysReport,
  type DirectionDelaysReport,
  TraceAnalyzer,
  type TraceOptions,
} from '../../src/trace/index.js';
import { ScriptedConnection, TraceScript } from '../support/trace-script.js';
import { PathWorld } from '../support/path-world.js';

const MICROSECOND = 1000;

/** How the server's clock stands to the client's. */
interface Clock {
  readonly offsetNs?: number;
  readonly driftPpm?: number;
  /** It is set back by an hour at this instant. */
  readonly setBackAtNs?: number;
}

interface Frame {
  readonly packet: CapturedPacket;
  readonly side: Side;
  readonly atNs: number;
}

function way(delayMs: number, lossRate = 0): Partial<LinkOptions> {
  const loss = lossRate === 0 ? {} : { loss: randomLoss(lossRate) };
  return { rateBps: 100e6, delayNs: delayMs * MILLISECOND, ...loss };
}

/** Frames that hosts saw, with the times of a clock without fault. */
function framesOf(writer: PcapngWriter): readonly Frame[] {
  const { reader, packets } = readCapture(writer.take());
  return packets.map((packet) => ({
    packet,
    side: reader.interfaces[packet.interfaceIndex]!.name.startsWith('client') ? 'client' : 'server',
    atNs: packet.seconds * SECOND + packet.nanoseconds,
  }));
}

/** A transfer from the server in `parts`, one every two seconds, captured at both hosts. */
class Transfer {
  readonly frames: readonly Frame[];
  private readonly counts = new Map<string, number>();

  constructor(paths: readonly PathSetup[], parts = 1) {
    const writer = new PcapngWriter();
    const world = new PathWorld({
      paths: paths.map((path, index) => ({
        ...path,
        wrap: (device: Device, side: Side) => this.tap(writer, device, side, index),
      })),
    });
    world.connect();
    world.run(SECOND);
    for (let part = 1; part <= parts; part++) {
      for (const accepted of world.accepted) world.write(accepted, 100_000, part === parts);
      world.pass(2 * SECOND);
    }
    world.pass(20 * SECOND);
    this.frames = framesOf(writer);
  }

  /** Packets that `side` sent on a path, and those of them that did not arrive. */
  sent(side: Side, path: number): { readonly packets: number; readonly lost: number } {
    const packets = this.counts.get(`${side} ${path} outward`)!;
    const arrived = this.counts.get(`${side === 'client' ? 'server' : 'client'} ${path} inward`)!;
    return { packets, lost: packets - arrived };
  }

  private tap(writer: PcapngWriter, device: Device, side: Side, path: number): Device {
    const observe = (_: number, __: unknown, direction: Direction): void => {
      const name = `${side} ${path} ${direction}`;
      this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    };
    return new TapDevice(device, [{ observe }, new CaptureObserver(writer, { name: `${side}/${path}` })]);
  }
}

/** What the server's clock shows. */
function shown(
  atNs: number,
  { offsetNs = 0, driftPpm = 0, setBackAtNs = Number.POSITIVE_INFINITY }: Clock,
): number {
  return Math.round(atNs + offsetNs + (atNs * driftPpm) / 1e6 - (atNs >= setBackAtNs ? 3600 * SECOND : 0));
}

/** The client's capture is place 0, the server's place 1, unless `isSwapped`. */
function delaysOf(
  frames: readonly Frame[],
  clock: Clock = {},
  options: TraceOptions = {},
  isSwapped = false,
): DelaysReport {
  const analyzer = new TraceAnalyzer({ measuresDelays: true, ...options });
  const here = frames.filter(({ side }) => side === 'client');
  const there = frames
    .filter(({ side }) => side === 'server')
    .map((frame) => ({ ...frame, atNs: shown(frame.atNs, clock) }));
  // Each capture in its own order, and always the one whose next frame is older.
  while (here.length + there.length > 0) {
    const isHere =
      (here[0]?.atNs ?? Number.POSITIVE_INFINITY) <= (there[0]?.atNs ?? Number.POSITIVE_INFINITY);
    const { packet, atNs } = (isHere ? here : there).shift()!;
    packet.setTime(atNs, 10_000);
    analyzer.handle(packet, isHere === isSwapped ? 1 : 0);
  }
  return analyzer.finish().delays!;
}

/** What is said of a subflow that the client opened. */
function directionsOf({ subflows }: DelaysReport, index: number): readonly DirectionDelaysReport[] {
  const { clientToServer, serverToClient } = subflows.find(({ views }) => views[0]!.subflow === index)!;
  return [clientToServer, serverToClient];
}

/** Whether two times are the same but for what sending a small packet takes. */
function expectNear(ns: number | null | undefined, expected: number, withinNs = 20 * MICROSECOND): void {
  expect(Math.abs(ns! - expected), `${ns} is ${expected}`).toBeLessThanOrEqual(withinNs);
}

const equal = new Transfer([
  { forward: way(10), backward: way(10) },
  { forward: way(25), backward: way(25) },
]);
const uneven = new Transfer([{ forward: way(5), backward: way(45) }]);

describe('one-way delays', () => {
  it.each([0, 123_456_789, -86_400 * SECOND, 7 * SECOND])(
    'of paths that are the same there and back are right to microseconds, with clocks %d ns apart',
    (offsetNs) => {
      const report = delaysOf(equal.frames, { offsetNs });
      expect(report.clock.status).toBe('estimated');
      expectNear(report.clock.offsetNs, offsetNs);
      expectNear(report.clock.uncertaintyNs, 10 * MILLISECOND);
      expect(report.subflows.map(({ clientPlace }) => clientPlace)).toEqual([0, 0]);
      for (const [index, delay] of [10, 25].entries()) {
        for (const { delayNs, lost, appeared, ambiguous, outside } of directionsOf(report, index)) {
          expectNear(delayNs!.min, delay * MILLISECOND);
          expect(delayNs!.median).toBeGreaterThanOrEqual(delayNs!.min);
          expect(delayNs!.p95).toBeGreaterThanOrEqual(delayNs!.median);
          expect(delayNs!.max).toBeGreaterThanOrEqual(delayNs!.p95);
          expect({ lost, appeared, outside }).toEqual({ lost: 0, appeared: 0, outside: 0 });
          expect(ambiguous).toBe(0);
        }
      }
    },
  );

  it('have every packet of either direction matched where nothing is lost', () => {
    const [up, down] = directionsOf(delaysOf(equal.frames), 0);
    expect(up!.matched).toBe(equal.sent('client', 0).packets);
    expect(down!.matched).toBe(equal.sent('server', 0).packets);
  });

  it('are the same when the capture of the server is named first', () => {
    const report = delaysOf(equal.frames, { offsetNs: SECOND }, {}, true);
    expectNear(report.clock.offsetNs, -SECOND);
    expect(report.subflows.map(({ clientPlace }) => clientPlace)).toEqual([1, 1]);
    expectNear(directionsOf(report, 1)[1]!.delayNs!.min, 25 * MILLISECOND);
  });

  it('of a path that differs there and back are wrong by no more than the uncertainty says, and add up', () => {
    const report = delaysOf(uneven.frames, { offsetNs: 42 * SECOND });
    const { offsetNs, uncertaintyNs } = report.clock;
    expectNear(uncertaintyNs, 25 * MILLISECOND);
    expect(Math.abs(offsetNs! - 42 * SECOND)).toBeLessThanOrEqual(uncertaintyNs!);
    // The difference of the delays cannot be told from an offset of half of it.
    expectNear(offsetNs, 42 * SECOND - 20 * MILLISECOND);
    const [up, down] = directionsOf(report, 0);
    expectNear(up!.delayNs!.min + down!.delayNs!.min, 50 * MILLISECOND, 40 * MICROSECOND);
  });

  it.each([50, -50, 200])('of clocks that drift by %d ppm are those of clocks that do not', (driftPpm) => {
    const long = new Transfer([{ forward: way(10), backward: way(10) }], 30);
    const { clock, subflows } = delaysOf(long.frames, { driftPpm, offsetNs: -3 * SECOND });
    expect(Math.abs(clock.driftPpm! - driftPpm)).toBeLessThan(2);
    expect(Math.abs(clock.driftPpm! - driftPpm)).toBeLessThanOrEqual(clock.driftUncertaintyPpm!);
    const offsetThere = shown(clock.atNs!, { driftPpm, offsetNs: -3 * SECOND }) - clock.atNs!;
    expectNear(clock.offsetNs, offsetThere, clock.uncertaintyNs!);
    for (const { delayNs } of [subflows[0]!.clientToServer, subflows[0]!.serverToClient]) {
      expectNear(delayNs!.min, 10 * MILLISECOND, 100 * MICROSECOND);
      // Without the drift taken out, a minute at 50 ppm would add three milliseconds.
      expect(delayNs!.median).toBeLessThan(15 * MILLISECOND);
    }
  });

  it('are not told when one capture lacks a direction, and the clocks are said to be unknown', () => {
    const isFromClient = ({ packet }: Frame): boolean => packet.direction === 'inbound';
    const half = equal.frames.filter((frame) => frame.side === 'client' || isFromClient(frame));
    const report = delaysOf(half);
    expect(report.clock).toMatchObject({ status: 'one-direction', offsetNs: null, uncertaintyNs: null });
    const [up, down] = directionsOf(report, 0);
    expect(up!.matched).toBeGreaterThan(0);
    expect(up).toMatchObject({ delayNs: null, lost: null });
    expect(down).toMatchObject({ matched: 0, delayNs: null, lost: null });
  });

  it('are not told when a clock was set amid the capture', () => {
    const long = new Transfer([{ forward: way(10), backward: way(10) }], 3);
    const report = delaysOf(long.frames, { setBackAtNs: 3 * SECOND });
    expect(report.clock.status).toBe('inconsistent');
    expect(report.subflows[0]!.serverToClient.delayNs).toBeNull();
  });

  it.each([0, 3600 * SECOND])('count what was lost on the way, with clocks %d ns apart', (offsetNs) => {
    const path = { forward: way(10, 0.03), backward: way(10, 0.03) };
    const lossy = new Transfer([path, path], 3);
    const report = delaysOf(lossy.frames, { offsetNs });
    for (const index of [0, 1]) {
      for (const [way_, direction] of directionsOf(report, index).entries()) {
        const { packets, lost } = lossy.sent(way_ === 0 ? 'client' : 'server', index);
        expect(lost).toBeGreaterThan(0);
        // Copies of one acknowledgment cannot be told apart; what is lost last may be lost behind the capture's end.
        const untold = direction.ambiguous + direction.outside!;
        expect(Math.abs(direction.lost! - lost)).toBeLessThanOrEqual(untold);
        expect(direction.matched + lost).toBeLessThanOrEqual(packets);
        expect(direction.matched + lost + untold).toBeGreaterThanOrEqual(packets);
        expect(untold).toBeLessThan(packets / 10);
        expect(direction.appeared).toBeLessThanOrEqual(untold);
      }
    }
  });

  it.each(['nat', 'sequence-rewriting', 'window-clamping'])('are told through a box: %s', (box) => {
    const writer = new PcapngWriter();
    runTrial({
      ...{ behaviour: middleboxBehaviour(box), placement: 'first' },
      wrap: (device, side, path) =>
        new TapDevice(device, [new CaptureObserver(writer, { name: `${side}/${path}` })]),
    });
    const report = delaysOf(framesOf(writer), { offsetNs: SECOND });
    expectNear(report.clock.offsetNs, SECOND);
    for (const { matched, delayNs, superSegments, lost, outside } of directionsOf(report, 0)) {
      expect(matched).toBeGreaterThan(50);
      expectNear(delayNs!.min, report.clock.uncertaintyNs!);
      // These hosts leave cutting to the device: each such segment stands for several packets.
      expect(superSegments).toBeGreaterThan(0);
      expect({ lost, outside }).toEqual({ lost: null, outside: 0 });
    }
  });

  it('are of nothing in captures that have nothing to do with one another', () => {
    const strange = uneven.frames.filter(({ side }) => side === 'server');
    const other = new Transfer([{ forward: way(3), backward: way(3) }]).frames;
    const shifted = strange.map(({ packet, ...frame }) => {
      packet.bytes[packet.offset + 24]! ^= 0x55;
      packet.bytes[packet.offset + 28]! ^= 0x55;
      return { packet, ...frame };
    });
    const report = delaysOf([...other.filter(({ side }) => side === 'client'), ...shifted]);
    expect(report.clock.status).toBe('no-match');
    expect(report.subflows).toEqual([]);
  });

  it('need a window: what leaves it is not matched, and the report says so', () => {
    const limits = { maxDelayWindow: 16 };
    const analyzer = new TraceAnalyzer({ measuresDelays: true, limits });
    const fresh = new Transfer([{ forward: way(10), backward: way(10) }]);
    // All of one place before all of the other: clocks far apart.
    for (const wanted of ['client', 'server']) {
      for (const { packet, side } of fresh.frames) {
        if (side === wanted) analyzer.handle(packet, side === 'client' ? 0 : 1);
      }
    }
    const { delays, limitsReached } = analyzer.finish();
    expect(limitsReached['delayWindow']).toBeGreaterThan(100);
    const matched = delays!.subflows.map(
      ({ clientToServer, serverToClient }) => clientToServer.matched + serverToClient.matched,
    );
    expect(Math.max(0, ...matched)).toBeLessThanOrEqual(16);
  });

  it('are of no packet that cannot be told from others, however many there are', () => {
    const script = new TraceScript({ measuresDelays: true });
    const [here, there] = [0, 1].map((vantage) => {
      const connection = new ScriptedConnection(script, { vantage }).open();
      connection.transfer('server', 0, 5);
      return connection;
    });
    for (let i = 0; i < 100; i++) {
      here!.ack('client', 0);
      if (i % 3 !== 0) there!.ack('client', 0);
    }
    const { clientToServer, serverToClient } = script.report().delays!.subflows[0]!;
    expect(serverToClient).toMatchObject({ matched: 6, ambiguous: 0 });
    // SYN, the third packet and five acknowledgments; the last of these is what was repeated.
    expect(clientToServer.matched).toBeLessThanOrEqual(7);
    expect(clientToServer.matched + clientToServer.ambiguous).toBeGreaterThan(160);
  });

  it('are left out unless they are asked for', () => {
    expect(new TraceAnalyzer().finish().delays).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { countingBytes, readTcpPacket, RecordingReceiver, tcpPacket } from '../../test/simulation/packets.js';
import { MILLISECOND, SECOND, SubflowError } from '../base/index.js';
import { Packet } from './device.js';
import { Link, type LinkSetup } from './link.js';
import { burstyLoss, randomLoss } from './loss-model.js';
import { Simulator } from './simulator.js';

/** A link with a receiver at its right end. */
function world(setup: LinkSetup = {}, seed = 1) {
  const simulator = new Simulator(seed);
  const link = new Link(simulator, setup);
  const received = new RecordingReceiver();
  link.right.attach(received);
  return { simulator, link, received };
}

/** A packet of `length` bytes that tells its number. */
function numbered(number: number, length = 1000): Packet {
  const bytes = new Uint8Array(length);
  bytes[0] = number >>> 8;
  bytes[1] = number;
  return new Packet(bytes);
}

function numbersOf(received: RecordingReceiver): number[] {
  return received.packets.map(({ bytes }) => (bytes[0]! << 8) | bytes[1]!);
}

const megabit = { rateBps: 8_000_000, delayNs: 5 * MILLISECOND };

describe('Link', () => {
  it('takes the time that rate and delay say', () => {
    const { simulator, link, received } = world({ both: megabit });
    for (let i = 0; i < 3; i++) link.left.send(0, numbered(i));
    simulator.run();
    expect(received.times).toEqual([6, 7, 8].map((ms) => ms * MILLISECOND));
    expect(numbersOf(received)).toEqual([0, 1, 2]);
    simulator.runUntil(SECOND);
    link.left.send(SECOND, numbered(3));
    simulator.run();
    expect(received.times[3]).toBe(SECOND + 6 * MILLISECOND);
  });

  it('drops at the tail when the queue is full, in bytes or in time', () => {
    for (const queue of [{ bytes: 3000 }, { ns: 2 * MILLISECOND }]) {
      const { simulator, link, received } = world({ both: { ...megabit, queue } });
      for (let i = 0; i < 10; i++) link.left.send(0, numbered(i));
      expect(link.forward.queueBytes(0)).toBe(3000);
      expect(link.forward.queueBytes(1.5 * MILLISECOND)).toBe(1500);
      simulator.run();
      expect(numbersOf(received)).toEqual([0, 1, 2]);
      expect(link.forward.counters).toMatchObject({
        droppedQueue: 7,
        maxQueueBytes: 3000,
        deliveredPackets: 3,
      });
    }
  });

  it('takes a packet larger than the queue while it is idle', () => {
    const { simulator, link, received } = world({ both: { ...megabit, queue: { bytes: 100 } } });
    link.left.send(0, numbered(1));
    link.left.send(0, numbered(2));
    simulator.run();
    expect(numbersOf(received)).toEqual([1]);
  });

  it('sets each direction apart', () => {
    const { simulator, link } = world({ both: megabit, backward: { delayNs: 0 } });
    const back = new RecordingReceiver();
    link.left.attach(back);
    link.right.send(0, numbered(1));
    simulator.run();
    expect(back.times).toEqual([MILLISECOND]);
  });

  it('loses about as many packets as asked, at random and in bursts', () => {
    const count = 20_000;
    for (const loss of [randomLoss(0.1), burstyLoss(0.1, 8)]) {
      const { simulator, link, received } = world({ both: { loss } });
      for (let i = 0; i < count; i++) link.left.send(0, numbered(i, 40));
      simulator.run();
      const { droppedLoss } = link.forward.counters;
      expect(droppedLoss / count).toBeGreaterThan(0.08);
      expect(droppedLoss / count).toBeLessThan(0.12);
      expect(received.packets).toHaveLength(count - droppedLoss);
      const bursts = numbersOf(received).filter(
        (number, i, all) => i > 0 && number !== all[i - 1]! + 1,
      ).length;
      const meanBurst = droppedLoss / bursts;
      if (loss.kind === 'bursty') expect(meanBurst).toBeGreaterThan(6);
      else expect(meanBurst).toBeLessThan(1.3);
    }
  });

  it('keeps the order under jitter and breaks it only where told to', () => {
    const jitter = world({ both: { jitterNs: 10 * MILLISECOND } });
    for (let i = 0; i < 500; i++) jitter.link.left.send(0, numbered(i));
    jitter.simulator.run();
    expect(numbersOf(jitter.received)).toEqual(Array.from({ length: 500 }, (_, i) => i));

    const { simulator, link, received } = world({
      both: { ...megabit, reorderProbability: 0.1, reorderNs: 20 * MILLISECOND },
    });
    for (let i = 0; i < 500; i++) link.left.send(0, numbered(i));
    simulator.run();
    const numbers = numbersOf(received);
    expect(numbers).not.toEqual([...numbers].sort((a, b) => a - b));
    expect(new Set(numbers).size).toBe(500);
    expect([...received.times].sort((a, b) => a - b)).toEqual(received.times);
    expect(link.forward.counters.reordered).toBeGreaterThan(25);
  });

  it('duplicates into memory of its own', () => {
    const { simulator, link, received } = world({ both: { duplicateProbability: 1 } });
    link.left.send(0, numbered(5));
    simulator.run();
    expect(numbersOf(received)).toEqual([5, 5]);
    received.packets[0]!.bytes[1] = 9;
    expect(received.packets[1]!.bytes[1]).toBe(5);
    expect(link.forward.counters).toMatchObject({ duplicated: 1, offeredPackets: 1, deliveredPackets: 2 });
  });

  it('flips one bit of a packet whose checksum is complete by then', () => {
    const { simulator, link, received } = world({ both: { corruptProbability: 1 } });
    const bytes = tcpPacket({ payload: countingBytes(100) });
    const whole = bytes.slice();
    bytes[36] = 0;
    bytes[37] = 0;
    link.left.send(0, new Packet(bytes, 0, true));
    simulator.run();
    const damaged = received.packets[0]!;
    expect(damaged.needsChecksum).toBe(false);
    const flipped = whole.map((byte, i) => byte ^ damaged.bytes[i]!).filter((difference) => difference !== 0);
    expect(flipped).toHaveLength(1);
    expect(Math.log2(flipped[0]!) % 1).toBe(0);
  });

  it('cuts super-segments unless it carries them', () => {
    const big = (): Packet => new Packet(tcpPacket({ payload: countingBytes(4000) }), 1400, false);
    const single = world();
    single.link.left.send(0, big());
    single.simulator.run();
    expect(single.received.packets.map(({ bytes }) => bytes.length)).toEqual([1440, 1440, 1240]);
    expect(single.received.packets.every(({ bytes }) => readTcpPacket(bytes).checksumsRight)).toBe(true);
    expect(single.link.forward.counters).toMatchObject({ superSegmentsCut: 1, offeredPackets: 3 });

    const whole = world({ both: { maxSuperSegmentBytes: 65_535 } });
    whole.link.left.send(0, big());
    whole.simulator.run();
    expect(whole.received.packets).toMatchObject([{ segmentSize: 1400 }]);
  });

  it('merges what arrives while the receiving end waits for more', () => {
    const { simulator, link, received } = world({ both: { ...megabit, coalesceNs: 10 * MILLISECOND } });
    link.left.send(0, new Packet(tcpPacket({ payload: countingBytes(4000) }), 1400, false));
    link.left.send(0, numbered(9));
    simulator.at(SECOND, (now) => link.left.send(now, numbered(7, 500)));
    simulator.run();
    expect(received.packets).toMatchObject([{ segmentSize: 1400 }, {}, {}]);
    expect(readTcpPacket(received.packets[0]!.bytes).payload).toHaveLength(4000);
    expect(received.times).toEqual([16_440_000, 16_440_000, 1_015_500_000]);
    expect(link.forward.counters).toMatchObject({ deliveredPackets: 5, coalesced: 2, superSegmentsCut: 1 });
  });

  it('hands over what is left of a super-segment in pieces that carry the right bytes', () => {
    const faults = {
      loss: randomLoss(0.2),
      corruptProbability: 0.1,
      duplicateProbability: 0.1,
      reorderProbability: 0.1,
      reorderNs: 20 * MILLISECOND,
      jitterNs: MILLISECOND,
    };
    for (const coalesceNs of [0, 3 * MILLISECOND]) {
      const { simulator, link, received } = world({ both: { ...megabit, ...faults, coalesceNs } });
      const payload = countingBytes(50_000);
      for (let i = 0; i < 5; i++) link.left.send(0, new Packet(tcpPacket({ payload, seq: 0 }), 1000, false));
      simulator.run();
      const { counters } = link.forward;
      const seen = received.packets.map(({ bytes }) => readTcpPacket(bytes));
      const right = seen.filter(({ checksumsRight, tcp, payload: found }) => {
        return (
          checksumsRight && Buffer.compare(found, payload.subarray(tcp.seq, tcp.seq + found.length)) === 0
        );
      });
      expect(counters.offeredPackets).toBe(250);
      expect(counters.deliveredPackets).toBe(250 - counters.droppedLoss + counters.duplicated);
      expect(received.packets.length).toBe(counters.deliveredPackets - counters.coalesced);
      // A damaged packet that was doubled arrives damaged twice.
      expect(seen.length - right.length).toBeGreaterThanOrEqual(counters.corrupted);
      expect(seen.length - right.length).toBeLessThanOrEqual(2 * counters.corrupted);
      expect(counters.coalesced > 0).toBe(coalesceNs > 0);
    }
  });

  it('lets packets beyond the MTU vanish', () => {
    const { simulator, link, received } = world({ both: { mtu: 999 } });
    link.left.send(0, numbered(1));
    link.left.send(0, new Packet(tcpPacket({ payload: countingBytes(4000) }), 1400, false));
    simulator.run();
    expect(received.packets).toHaveLength(0);
    expect(link.forward.counters.droppedTooBig).toBe(4);
  });

  it('applies a new rate to what waits, and a new delay to what comes later', () => {
    const { simulator, link, received } = world({ both: megabit });
    for (let i = 0; i < 3; i++) link.left.send(0, numbered(i));
    simulator.at(1.5 * MILLISECOND, (now) => link.forward.configure(now, { rateBps: 4_000_000, delayNs: 0 }));
    simulator.at(2 * MILLISECOND, (now) => link.left.send(now, numbered(3)));
    simulator.run();
    // The first left at 1 ms; half of the second and all of the third take twice as long. The fourth overtakes nobody.
    expect(received.times).toEqual([6, 7.5, 9.5, 9.5].map((ms) => ms * MILLISECOND));
    expect(numbersOf(received)).toEqual([0, 1, 2, 3]);
  });

  it('loses what is on the way when it goes down, and says so to both ends', () => {
    const { simulator, link, received } = world({ both: megabit });
    const left = new RecordingReceiver();
    link.left.attach(left);
    link.left.send(0, numbered(0));
    simulator.at(MILLISECOND, (now) => link.setState(now, 'down'));
    simulator.at(2 * MILLISECOND, (now) => link.left.send(now, numbered(1)));
    simulator.at(3 * MILLISECOND, (now) => link.setState(now, 'up'));
    simulator.at(3 * MILLISECOND, (now) => link.left.send(now, numbered(2)));
    simulator.run();
    expect(numbersOf(received)).toEqual([2]);
    expect(received.times).toEqual([9 * MILLISECOND]);
    expect([received.carrier, left.carrier]).toEqual([
      [false, true],
      [false, true],
    ]);
    expect(link.forward.counters.droppedDown).toBe(2);
  });

  it('tells nobody that it has become a black hole', () => {
    const { simulator, link, received } = world({ both: megabit });
    link.left.send(0, numbered(0));
    link.setState(0, 'blackhole');
    link.left.send(0, numbered(1));
    simulator.run();
    expect(numbersOf(received)).toEqual([0]);
    expect(received.carrier).toEqual([]);
    expect(link.left.isUp).toBe(true);
    expect(link.forward.counters.droppedBlackhole).toBe(1);
  });

  it('accounts for every packet offered', () => {
    const { simulator, link, received } = world({
      both: {
        ...megabit,
        queue: { bytes: 20_000 },
        loss: randomLoss(0.1),
        jitterNs: MILLISECOND,
        reorderProbability: 0.1,
        reorderNs: 5 * MILLISECOND,
        duplicateProbability: 0.1,
      },
    });
    for (let i = 0; i < 2000; i++) simulator.at(i * 500_000, (now) => link.left.send(now, numbered(i)));
    simulator.run();
    const { counters } = link.forward;
    expect(counters.offeredPackets).toBe(2000);
    expect(counters.droppedQueue).toBeGreaterThan(0);
    expect(counters.deliveredPackets).toBe(
      2000 - counters.droppedQueue - counters.droppedLoss + counters.duplicated,
    );
    expect(received.packets).toHaveLength(counters.deliveredPackets);
    expect(link.forward.packetsInside).toBe(0);
  });

  it('does the same again for the same seed, and something else for another', () => {
    const run = (seed: number): string => {
      const { simulator, link, received } = world(
        { both: { ...megabit, loss: randomLoss(0.2), reorderProbability: 0.2, reorderNs: SECOND } },
        seed,
      );
      for (let i = 0; i < 100; i++) link.left.send(0, numbered(i));
      simulator.run();
      return JSON.stringify([numbersOf(received), received.times]);
    };
    expect(run(1)).toBe(run(1));
    expect(run(1)).not.toBe(run(2));
  });

  it('refuses properties that cannot be and keeps the old ones', () => {
    const { link } = world({ both: megabit });
    const wrong = [
      { rateBps: 0 },
      { delayNs: -1 },
      { jitterNs: Number.POSITIVE_INFINITY },
      { coalesceNs: -1 },
      { reorderProbability: 1.1 },
      { loss: randomLoss(2) },
      { queue: { bytes: 0 } },
      { mtu: 67 },
    ];
    for (const changes of wrong) {
      expect(() => link.configure(0, changes), JSON.stringify(changes)).toThrow(SubflowError);
    }
    expect(link.forward.options).toMatchObject(megabit);
  });
});

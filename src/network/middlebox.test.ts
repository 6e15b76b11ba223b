import { describe, expect, it } from 'vitest';
import { RecordingDevice, RecordingReceiver } from '../../test/simulation/packets.js';
import { NEVER, SeededRandom } from '../base/index.js';
import { bridge, Packet } from './device.js';
import { FaultInjector } from './fault-injector.js';
import { randomLoss } from './loss-model.js';
import { type Middlebox, MiddleboxDevice, packetFunction } from './middlebox.js';
import { Simulator } from './simulator.js';

function packet(first: number): Packet {
  return new Packet(Uint8Array.of(first, 0, 0, 0));
}

function world(box: Middlebox) {
  const simulator = new Simulator(1);
  const inner = new RecordingDevice();
  const device = new MiddleboxDevice(simulator, box, inner);
  const host = new RecordingReceiver();
  device.attach(host);
  const firsts = (packets: readonly Packet[]): number[] => packets.map(({ bytes }) => bytes[0]!);
  return { simulator, inner, device, host, firsts };
}

describe('MiddleboxDevice', () => {
  it('makes of each packet what the function says, by direction', () => {
    const box = packetFunction((given, direction) => (direction === 'outward' ? [given, packet(9)] : []));
    const { inner, device, host, firsts } = world(box);
    device.send(0, packet(1));
    inner.receiver!.handlePacket(0, packet(2));
    expect(firsts(inner.sent)).toEqual([1, 9]);
    expect(host.packets).toEqual([]);
    expect(device.capabilities).toBe(inner.capabilities);
    expect(device.isUp).toBe(true);
  });

  it('lets a box answer, and act later', () => {
    let dueAt = NEVER;
    const { simulator, inner, device, host, firsts } = world({
      handlePacket: (now, given, _direction, out) => {
        dueAt = now + 10;
        out.pass(given, 'inward');
      },
      pollTimeout: () => dueAt,
      handleTimeout: (_now, out) => {
        dueAt = NEVER;
        out.pass(packet(7), 'outward');
      },
    });
    device.send(5, packet(1));
    expect(firsts(host.packets)).toEqual([1]);
    expect(inner.sent).toEqual([]);
    simulator.run();
    expect(simulator.now).toBe(15);
    expect(firsts(inner.sent)).toEqual([7]);
  });

  it('hands on the state of the device behind it', () => {
    const { inner, host } = world(packetFunction((given) => [given]));
    inner.receiver!.handleCarrier(0, false);
    expect(host.carrier).toEqual([false]);
  });
});

describe('FaultInjector', () => {
  it('loses, doubles and damages packets of either direction, and counts it', () => {
    const box = new FaultInjector(new SeededRandom(3), {
      loss: randomLoss(0.2),
      duplicateProbability: 0.2,
      corruptProbability: 0.2,
    });
    const { inner, device, host } = world(box);
    for (let i = 0; i < 500; i++) {
      device.send(0, packet(0));
      inner.receiver!.handlePacket(0, packet(0));
    }
    const { lost, duplicated, corrupted } = box.counters;
    for (const count of [lost, duplicated, corrupted]) {
      expect(count).toBeGreaterThan(120);
      expect(count).toBeLessThan(280);
    }
    expect(inner.sent.length + host.packets.length).toBe(1000 - lost + duplicated);
    const damaged = [...inner.sent, ...host.packets].filter(({ bytes }) => bytes.some((byte) => byte !== 0));
    expect(damaged.length).toBeGreaterThanOrEqual(corrupted);
  });

  it('refuses probabilities that are none', () => {
    expect(() => new FaultInjector(new SeededRandom(1), { corruptProbability: -1 })).toThrow(/probability/);
  });
});

describe('bridge', () => {
  it('sends through each device what comes in through the other', () => {
    const [left, right] = [new RecordingDevice(), new RecordingDevice()];
    bridge(left, right);
    left.receiver!.handlePacket(0, packet(1));
    right.receiver!.handlePacket(0, packet(2));
    expect([left.sent, right.sent].map((sent) => sent.map(({ bytes }) => bytes[0]))).toEqual([[2], [1]]);
  });
});

import { describe, expect, it } from 'vitest';
import { RecordingDevice } from '../../test/simulation/packets.js';
import { MILLISECOND, NEVER, SECOND } from '../base/index.js';
import { bridge, Packet } from './device.js';
import { Link } from './link.js';
import { RealTimeDriver } from './real-time.js';
import { Simulator } from './simulator.js';

/** Two devices of an owner with real time, tied together by an emulated link of 8 Mbit/s and 5 ms. */
function world(startAt: number, maxEventsPerCall?: number) {
  const simulator = new Simulator(1, startAt);
  const driver = new RealTimeDriver(simulator, maxEventsPerCall === undefined ? {} : { maxEventsPerCall });
  const link = new Link(simulator, { both: { rateBps: 8_000_000, delayNs: 5 * MILLISECOND } });
  const [left, right] = [new RecordingDevice(), new RecordingDevice()];
  bridge(left, link.left);
  bridge(right, link.right);
  return { simulator, driver, link, left, right };
}

describe('RealTimeDriver', () => {
  it('carries packets between real devices at the rate of the link, however late it is called', () => {
    const start = 1000 * SECOND;
    const { driver, left, right } = world(start);
    expect(driver.nextEventAt()).toBe(NEVER);
    for (let i = 0; i < 3; i++) left.receiver!.handlePacket(start, new Packet(new Uint8Array(1000)));
    expect(driver.nextEventAt()).toBe(start + 6 * MILLISECOND);
    expect(driver.advance(start + 5.9 * MILLISECOND)).toBe(true);
    expect(right.sent).toHaveLength(0);
    expect(driver.advance(start + 7 * MILLISECOND)).toBe(true);
    expect(right.sent).toHaveLength(2);
    expect(driver.nextEventAt()).toBe(start + 8 * MILLISECOND);
    driver.advance(start + SECOND);
    expect(right.sent).toHaveLength(3);
    expect(driver.worstLagNs).toBe(992 * MILLISECOND);
    right.receiver!.handlePacket(start + SECOND, new Packet(new Uint8Array(1000)));
    driver.advance(start + SECOND + 6 * MILLISECOND);
    expect(left.sent).toHaveLength(1);
  });

  it('leaves the rest for the next call when there is too much to do', () => {
    const { simulator, driver } = world(0, 10);
    let done = 0;
    for (let i = 0; i < 25; i++) simulator.at(i, () => done++);
    expect(driver.advance(100)).toBe(false);
    expect(done).toBe(10);
    expect(driver.advance(100)).toBe(false);
    expect(driver.advance(100)).toBe(true);
    expect(done).toBe(25);
    expect(simulator.now).toBe(100);
    expect(() => new RealTimeDriver(simulator, { maxEventsPerCall: 0 })).toThrow(/at least one/);
  });

  it('waits for a clock that stepped back', () => {
    const { simulator, driver } = world(100);
    driver.advance(200);
    expect(driver.advance(150)).toBe(true);
    expect(simulator.now).toBe(200);
  });
});

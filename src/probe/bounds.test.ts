/** What a run may cost, and what it leaves behind when it is cut short. */
import { describe, expect, it } from 'vitest';
import { SECOND } from '../base/index.js';
import { ProbeWorld } from '../../test/support/probe-world.js';
import { parseTcpPacket, TcpFlag } from '../wire/index.js';
import { pathBounds, PathRun } from './path/path-run.js';
import { ProbeRun } from './run.js';
import { findScenario } from './scenarios/index.js';
import { PORTS_OF_A_RUN } from './secrets.js';
import { defaultProbeSettings } from './settings.js';

const flagsOf = (bytes: Uint8Array): number => {
  const tcp = parseTcpPacket(bytes, 20, bytes.length - 20);
  return tcp.ok ? tcp.value.flags : 0;
};

describe('a run', () => {
  it('costs what the documentation says', () => {
    expect(defaultProbeSettings).toMatchObject({ maxPacketsSent: 200, deadlineNs: 60 * SECOND, attempts: 3 });
    expect(pathBounds).toMatchObject({ maxPacketsSent: 800, deadlineNs: 180 * SECOND });
  });

  it('that is stopped in the middle resets what it opened', () => {
    const world = new ProbeWorld();
    const run = new ProbeRun(findScenario('compliant'), world.setup(1));
    world.probe.complete(run, () => run.conversation.flows.some(({ isOpen }) => isOpen));
    expect(run.isOver).toBe(true);
    expect(run.report().reaction).toBe('unfinished');
    expect(flagsOf(run.conversation.record.at(-1)!.bytes) & TcpFlag.RST).not.toBe(0);
    world.simulator.run({ until: world.simulator.now + 600 * SECOND });
    expect(world.host.stack.connectionCount).toBe(0);
  });

  it('that has sent all it may still closes what it opened, within its bound', () => {
    const world = new ProbeWorld();
    const maxPacketsSent = PORTS_OF_A_RUN + 5;
    const settings = { ...defaultProbeSettings, maxPacketsSent };
    const run = new ProbeRun(findScenario('compliant'), world.setup(1, { settings }));
    world.probe.complete(run);
    const sent = run.conversation.record.filter(({ direction }) => direction === 'sent');
    expect(run.report().reaction).toBe('unfinished');
    expect(sent.length).toBeLessThanOrEqual(maxPacketsSent);
    expect(flagsOf(sent.at(-1)!.bytes) & TcpFlag.RST).not.toBe(0);
    world.simulator.run({ until: world.simulator.now + 600 * SECOND });
    expect(world.host.stack.connectionCount).toBe(0);
  });

  it('of a path leaves no connection behind, whenever it is stopped', () => {
    const whole = new ProbeWorld();
    const uncut = new PathRun(whole.setup(1), { maxHops: 30, idleNs: 0 });
    whole.probe.complete(uncut);
    const count = uncut.conversation.record.length;
    expect(count).toBeGreaterThan(20);
    for (let packets = 1; packets < count; packets++) {
      const world = new ProbeWorld();
      const run = new PathRun(world.setup(1), { maxHops: 30, idleNs: 0 });
      world.probe.complete(run, () => run.conversation.record.length >= packets);
      world.simulator.run({ until: world.simulator.now + 600 * SECOND });
      expect(world.host.stack.connectionCount, `stopped after ${packets} packets`).toBe(0);
    }
  });

  it('of a path that pauses has the time of the pause besides', () => {
    const world = new ProbeWorld();
    const idleNs = 900 * SECOND;
    const run = new PathRun(world.setup(1), { maxHops: 30, idleNs });
    world.probe.complete(run);
    expect(run.report().evidence?.data.idle?.kind).toBe('data-acked');
    expect(run.conversation.setup.settings.deadlineNs).toBe(pathBounds.deadlineNs + idleNs);
  });
});

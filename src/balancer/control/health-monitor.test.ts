import { describe, expect, it } from 'vitest';
import { servers } from '../../../test/support/balancer-packets.js';
import { MILLISECOND, NEVER, SECOND, SeededRandom } from '../../base/index.js';
import type { HealthCheckConfig, HealthOutcome } from './health.js';
import { HealthMonitor, type HealthAttempt } from './health-monitor.js';

const config: HealthCheckConfig = {
  ...{ kind: 'tcp', port: 443, intervalMs: 1000, timeoutMs: 500, rise: 2, fall: 3 },
};
const good: HealthOutcome = { healthy: true, rttMs: 1.5 };
const bad: HealthOutcome = { healthy: false, why: 'refused' };

function monitorOf(count: number, seed = 1): HealthMonitor {
  const monitor = new HealthMonitor(config, new SeededRandom(seed));
  monitor.setServers(0, servers(count));
  return monitor;
}

/** Has the one server checked at its next time, with this outcome. */
function check(monitor: HealthMonitor, outcome: HealthOutcome) {
  const now = monitor.pollTimeout();
  return monitor.handleOutcome(now, monitor.pollAttempt(now)!, outcome);
}

describe('the health of a server', () => {
  it('is good from the first success on, and bad only after as many failures as of one that was good', () => {
    expect(check(monitorOf(1), good)).toEqual({ server: 1, from: 'unknown', to: 'up', why: '' });
    const monitor = monitorOf(1);
    expect([check(monitor, bad), check(monitor, bad)]).toEqual([undefined, undefined]);
    expect(monitor.isSettling).toBe(true);
    expect(check(monitor, bad)).toEqual({ server: 1, from: 'unknown', to: 'down', why: 'refused' });
    expect(monitor.isSettling).toBe(false);
  });

  it('turns after as many failures or successes in a row as the settings say, and not before', () => {
    const monitor = monitorOf(1);
    const said = [good, bad, bad, good, bad, bad, bad, good, bad, good, good].map(
      (outcome) => check(monitor, outcome)?.to,
    );
    const no = undefined;
    expect(said).toEqual(['up', no, no, no, no, no, 'down', no, no, no, 'up']);
  });

  it('keeps the last reason, cut to its limit, and the time of the last success', () => {
    const monitor = monitorOf(1);
    check(monitor, good);
    check(monitor, { healthy: false, why: 'x'.repeat(1000) });
    expect(monitor.find(1)).toMatchObject({ state: 'up', against: 1, why: 'x'.repeat(200), rttMs: 1.5 });
  });

  it('is forgotten when the server has another address, and kept when its weight is another one', () => {
    const monitor = monitorOf(2);
    const attempts: HealthAttempt[] = [];
    while (attempts.length < 2) attempts.push(monitor.pollAttempt(SECOND)!);
    for (const attempt of attempts) monitor.handleOutcome(SECOND, attempt, good);
    const [first, second] = servers(2);
    monitor.setServers(SECOND, [
      { ...first!, weight: 7 },
      { ...second!, address: servers(9)[8]!.address },
    ]);
    expect(monitor.find(1)!.state).toBe('up');
    expect(monitor.find(2)!.state).toBe('unknown');
    expect(monitor.observations()).toEqual([{ id: 1, isHealthy: true, why: '' }]);
  });
});

describe('attempts', () => {
  it('come at times that differ by a tenth of the interval, the first ones within a tenth of it', () => {
    const monitor = monitorOf(1, 5);
    const times: number[] = [];
    for (let i = 0; i < 200; i++) {
      times.push(monitor.pollTimeout());
      check(monitor, good);
    }
    expect(times[0]).toBeLessThan(100 * MILLISECOND);
    const gaps = times.slice(1).map((time, i) => (time - times[i]!) / SECOND);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.9);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1.1);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeGreaterThan(0.15);
  });

  it('are one at a time for each server, and the late outcome of a former one counts for nothing', () => {
    const monitor = monitorOf(1);
    const attempt = monitor.pollAttempt(SECOND)!;
    expect(monitor.pollAttempt(9 * SECOND)).toBeUndefined();
    expect(monitor.pollTimeout()).toBe(NEVER);
    monitor.handleOutcome(9 * SECOND, attempt, good);
    expect(monitor.pollTimeout()).toBeLessThan(9 * SECOND);
    const next = monitor.pollAttempt(9 * SECOND)!;
    expect(monitor.handleOutcome(9 * SECOND, attempt, bad)).toBeUndefined();
    expect(next.serial).not.toBe(attempt.serial);
  });
});

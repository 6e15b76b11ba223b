import { describe, expect, it } from 'vitest';
import { server, services } from '../../../test/support/balancer-packets.js';
import { MINUTE, SECOND, SeededRandom } from '../../base/index.js';
import { type BalanceConfig, defaultStatusSocket } from './config.js';
import { ControlPlane } from './control-plane.js';
import { metricsText } from './metrics-text.js';
import { statusOf, type StatusSources } from './status.js';

const start = 1_800_000_000 * SECOND;
const config: BalanceConfig = {
  ...{ name: 'b"1\\', design: 'beamer', path: 'xdp', interfaces: ['eth0'], services },
  ...{ servers: [server(2, { weight: 3 }), server(1)], settings: { buckets: 64, chainNs: MINUTE } },
  health: { kind: 'tcp', port: 80, intervalMs: 1000, timeoutMs: 200, rise: 1, fall: 1 },
  store: { kind: 'folder', folder: '/tmp/x' },
  status: { socket: defaultStatusSocket },
};

/** A balancer whose server 2 is down. */
function sourcesOf(more: Partial<StatusSources> = {}): StatusSources {
  const { name, design, settings, servers: wanted, health } = config;
  const random = new SeededRandom(1);
  const control = new ControlPlane(start, { name, design, settings, wanted, health: health!, random });
  for (
    let attempt = control.pollAttempt(start + SECOND);
    attempt;
    attempt = control.pollAttempt(start + SECOND)
  ) {
    const isUp = attempt.server.id === 1;
    control.handleOutcome(
      start + SECOND,
      attempt,
      isUp ? { healthy: true, rttMs: 2.5 } : { healthy: false, why: 'refused\nonce' },
    );
  }
  control.handleAppended(start + SECOND, control.pollProposal(start + SECOND)!, 'won');
  return {
    ...{ nowNs: start + 10 * SECOND, startedAtNs: start, loadedAtNs: start, config, control },
    ...{ configFile: '/etc/b.json', problem: undefined, store: { isReachable: true, why: '' } },
    counted: {
      ...{ reasons: { none: 1000, 'no-server': 3 }, joins: 50, joinsByChance: 5, misSteersAvoided: 30 },
      ...{ more: { tokensLearned: 7 }, entries: 64, tableBytes: 768, forwardedByServer: { 1: 999 } },
      subflowsByServer: { 1: 12 },
    },
    ...more,
  };
}

describe('the state of a balancer', () => {
  it('tells of servers, joins, tables and all that it depends on', () => {
    const status = statusOf(sourcesOf());
    expect(status).toMatchObject({
      ...{ schema: 'subflow/balance-status/1', design: 'beamer', upSeconds: 10 },
      generation: { number: 1, at: '2027-01-15T08:00:01.000Z' },
      config: { file: '/etc/b.json', problem: null },
      store: { kind: 'folder', isReachable: true },
      packets: { forwarded: 1000, notForwarded: { 'no-server': 3 } },
      joins: { total: 50, byChance: 5, misSteersAvoided: 30 },
      services: ['192.0.2.80:80', '[2001:db8::80]:80'],
      balancers: [{ heardSecondsAgo: 9 }],
    });
    expect(status.servers).toEqual([
      {
        ...{ id: 1, address: '10.9.0.1', weight: 1, state: 'up', wanted: 'up' },
        health: { state: 'up', voted: 'up', why: '', rttMs: 2.5, checkedSecondsAgo: 9 },
        ...{ buckets: 64, subflows: 12, packets: 999 },
      },
      {
        ...{ id: 2, address: '10.9.0.2', weight: 3, state: 'gone', wanted: 'up' },
        health: { state: 'down', voted: 'down', why: 'refused\nonce', rttMs: null, checkedSecondsAgo: 9 },
        ...{ buckets: 0, subflows: 0, packets: 0 },
      },
    ]);
  });

  it('says what it cannot tell', () => {
    const { counted } = sourcesOf();
    const { reasons, joins, joinsByChance, more, entries, tableBytes, subflowsByServer } = counted;
    const less = { reasons, joins, joinsByChance, more, entries, tableBytes, subflowsByServer };
    const status = statusOf(sourcesOf({ counted: less, problem: 'line 3: no design' }));
    expect(status.joins.misSteersAvoided).toBeNull();
    expect(status.servers[0]!.packets).toBeNull();
    expect(status.config.problem).toBe('line 3: no design');
    expect(metricsText(status)).not.toMatch(/mis_steers|server_packets/);
    expect(metricsText(status)).toContain('subflow_balance_config_ok 0\n');
  });
});

describe('metrics', () => {
  const text = metricsText(statusOf(sourcesOf()));

  it('are lines of the text format: help and type before the samples of each family, once', () => {
    const sample =
      /^[a-z_]+(\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\})? -?[\d.e+]+$/;
    const seen = new Set<string>();
    let family = '';
    for (const line of text.trimEnd().split('\n')) {
      const [, kind, name] = /^# (HELP|TYPE) (\S+) \S/.exec(line) ?? [];
      if (kind === 'HELP') {
        expect(seen).not.toContain(name);
        seen.add((family = name!));
      } else if (kind === 'TYPE') expect(name).toBe(family);
      else {
        expect(line).toMatch(sample);
        expect(line.slice(0, family.length)).toBe(family);
      }
    }
    expect(text.endsWith('\n')).toBe(true);
    expect(seen.size).toBeGreaterThan(15);
  });

  it('have a label for what they are about, escaped', () => {
    expect(text).toContain('subflow_balance_info{name="b\\"1\\\\",design="beamer",path="xdp"} 1\n');
    expect(text).toContain('subflow_balance_server_state{server="2",address="10.9.0.2",state="gone"} 1\n');
    expect(text).toContain('subflow_balance_server_healthy{server="2",address="10.9.0.2"} 0\n');
    expect(text).toContain('subflow_balance_server_check_seconds{server="1",address="10.9.0.1"} 0.0025\n');
    expect(text).toContain('subflow_balance_packets_not_forwarded_total{reason="no-server"} 3\n');
    expect(text).toContain('subflow_balance_mis_steers_avoided_total 30\n');
    expect(text).toContain('subflow_balance_path_events_total{event="tokensLearned"} 7\n');
  });
});

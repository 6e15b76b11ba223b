/** Sums of all connections for Prometheus: no connection has a series of its own. */

import type { Metrics, MonitoredConnection, MonitorLook } from '../../node/index.js';

/** Adds the metrics, and gives what is to be told of each look. */
export function monitorMetrics(metrics: Metrics): (look: MonitorLook) => void {
  const gauge = (name: string, help: string) => metrics.gauge(`subflow_monitor_${name}`, help);
  const connections = metrics.gauge(
    'subflow_monitor_connections',
    'Connections of Multipath TCP, by state.',
    ['state'],
  );
  const gauges = {
    subflows: gauge('subflows', 'Subflows of all connections.'),
    backups: gauge('backup_subflows', 'Subflows that either side wants to be backups.'),
    fallenBack: gauge(
      'fallen_back_connections',
      'Connections of Multipath TCP sockets that speak plain TCP.',
    ),
    plain: gauge('plain_connections', 'Connections of TCP at listeners of Multipath TCP.'),
    listeners: gauge('listeners', 'Listeners of Multipath TCP.'),
  } as const;
  const rtt = metrics.gauge('subflow_monitor_rtt_seconds', 'Smoothed round trips of subflows.', ['quantile']);
  const bytes = metrics.counter(
    'subflow_monitor_bytes_total',
    'Bytes that connections moved while they were looked at.',
    ['direction'],
  );
  const counters = metrics.gauge('subflow_kernel_counter', "The kernel's counters of Multipath TCP.", [
    'name',
  ]);
  const states = new Set<string>();
  return (look) => {
    const counts = countBy(look.connections, ({ state }) => state);
    // A state that nothing is in any more is one of nothing.
    for (const state of counts.keys()) states.add(state);
    for (const state of states) connections.set(counts.get(state) ?? 0, { state });
    for (const [name, each] of Object.entries(gauges)) each.set(look.totals[name as keyof typeof gauges]);
    const seconds = (look.sinceMs ?? 0) / 1000;
    bytes.add(((look.totals.sendRateBps ?? 0) / 8) * seconds, { direction: 'sent' });
    bytes.add(((look.totals.receiveRateBps ?? 0) / 8) * seconds, { direction: 'received' });
    for (const [name, value] of Object.entries(look.counters)) counters.set(value, { name });
    const sorted = look.connections
      .flatMap(({ subflows }) => subflows.map(({ rttMs }) => rttMs))
      .sort((a, b) => a - b);
    for (const quantile of [0, 0.5, 0.9, 0.99, 1])
      rtt.set(quantileOf(sorted, quantile) / 1000, { quantile: String(quantile) });
  };
}

function countBy(
  connections: readonly MonitoredConnection[],
  of: (connection: MonitoredConnection) => string,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const each of connections) counts.set(of(each), (counts.get(of(each)) ?? 0) + 1);
  return counts;
}

/** NaN of nothing. */
function quantileOf(sorted: readonly number[], quantile: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? Number.NaN;
}

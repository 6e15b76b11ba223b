/**
 * The state of a balancer in the text format that Prometheus reads, version 0.0.4. Names are stable; new ones are only ever added.
 *
 * Read first: Prometheus, "Exposition formats" and "Metric and label naming".
 */
import type { BalanceStatus, ServerStatus } from './status.js';

type Labels = Readonly<Record<string, string>>;
interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

/** All metrics. */
export function metricsText(status: BalanceStatus): string {
  return [...serviceMetrics(status), ...serverMetrics(status.servers), ...trafficMetrics(status)].join('');
}

function serviceMetrics(status: BalanceStatus): string[] {
  const { name, design, path, generation, store, config } = status;
  return [
    gauge('info', 'What runs; always 1.', [{ labels: { name, design, path: path.kind }, value: 1 }]),
    gauge('up_seconds', 'Since when it runs.', [{ value: status.upSeconds }]),
    counter('generation', 'Number of the list of servers in force.', [{ value: generation.number }]),
    gauge('generation_timestamp_seconds', 'From when on it counts.', [
      { value: new Date(generation.at).getTime() / 1000 },
    ]),
    gauge('config_ok', 'Whether the file is in force as it stands.', [
      { value: flag(config.problem === null) },
    ]),
    gauge('store_reachable', 'Whether the store of generations is in reach.', [
      { labels: { kind: store.kind }, value: flag(store.isReachable) },
    ]),
    gauge('balancers', 'Balancers that were heard of lately, this one included.', [
      { value: status.balancers.length },
    ]),
  ];
}

function serverMetrics(servers: readonly ServerStatus[]): string[] {
  const each = (valueOf: (server: ServerStatus) => number | null, more?: Labels): Sample[] =>
    servers.flatMap((server) => {
      const value = valueOf(server);
      const labels = { server: String(server.id), address: server.address, ...more };
      return value === null ? [] : [{ labels, value }];
    });
  const states = (['up', 'draining', 'gone'] as const).flatMap((state) =>
    each((server) => flag(server.state === state), { state }),
  );
  return [
    gauge('server_state', 'Whether a server is in a state.', states),
    gauge(
      'server_weight',
      'Share of new connections against other servers.',
      each(({ weight }) => weight),
    ),
    gauge(
      'server_healthy',
      "Whether this balancer's own checks do well.",
      each(({ health }) =>
        health === null || health.state === 'unknown' ? null : flag(health.state === 'up'),
      ),
    ),
    gauge(
      'server_check_seconds',
      'How long the last check that did well took.',
      each(({ health }) => (typeof health?.rttMs === 'number' ? health.rttMs / 1000 : null)),
    ),
    gauge(
      'server_buckets',
      'Buckets of a server.',
      each(({ buckets }) => buckets),
    ),
    counter(
      'server_subflows_total',
      'Subflows that began at a server.',
      each(({ subflows }) => subflows),
    ),
    counter(
      'server_packets_total',
      'Packets forwarded to a server.',
      each(({ packets }) => packets),
    ),
  ];
}

function trafficMetrics({ packets, joins, tables, more }: BalanceStatus): string[] {
  const dropped = Object.entries(packets.notForwarded).map(([reason, value]) => ({
    labels: { reason },
    value,
  }));
  const avoided = joins.misSteersAvoided === null ? [] : [{ value: joins.misSteersAvoided }];
  return [
    counter('packets_forwarded_total', 'Packets that went to a server.', [{ value: packets.forwarded }]),
    counter('packets_not_forwarded_total', 'Packets that did not, by why.', dropped),
    counter('joins_total', 'SYNs with MP_JOIN.', [{ value: joins.total }]),
    counter('joins_by_chance_total', 'Of those, the ones that nothing told the server of.', [
      { value: joins.byChance },
    ]),
    counter(
      'mis_steers_avoided_total',
      'Joins that found their server where the hash of addresses and ports would have led to another.',
      avoided,
    ),
    gauge('table_entries', 'Entries in tables of connections, tokens or buckets.', [
      { value: tables.entries },
    ]),
    gauge('table_bytes', 'Bytes that those take.', [{ value: tables.bytes }]),
    counter('buckets_moved_total', 'Buckets that changed hands.', [{ value: tables.bucketsMoved }]),
    counter(
      'path_events_total',
      'What else the data path counts, by name.',
      Object.entries(more).map(([event, value]) => ({ labels: { event }, value })),
    ),
  ];
}

function flag(isSo: boolean): number {
  return isSo ? 1 : 0;
}

function gauge(name: string, help: string, samples: readonly Sample[]): string {
  return family(name, 'gauge', help, samples);
}

function counter(name: string, help: string, samples: readonly Sample[]): string {
  return family(name, 'counter', help, samples);
}

/** A family of samples; nothing at all where there is no sample. */
function family(name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return '';
  const full = `subflow_balance_${name}`;
  const lines = samples.map(({ labels, value }) => `${full}${labelText(labels)} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join('')}`;
}

function labelText(labels: Labels | undefined): string {
  if (labels === undefined) return '';
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${pairs.join(',')}}`;
}

/** A backslash, a quote and a line's end are written with a backslash. */
function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** What converters and proxies count, for Prometheus. No label has a value that a client can choose. */

import type { Metrics } from '../node/index.js';

/** Commands that relay; their metrics have the name in theirs. */
type RelayCommand = 'converter' | 'proxy' | 'bond';

/** Takes what the log tells of. */
export type CountEvent = (event: string, fields: Readonly<Record<string, unknown>>) => void;

/** Relays at work; what `RelaySet` shows of itself. */
export interface RelayFigures {
  readonly connections: number;
  readonly active: number;
  readonly clientCount: number;
  readonly totals: { readonly clientBytes: number; readonly serverBytes: number };
}

/** Adds the metrics of events under the name of the command; the returned function is told of each. */
export function countRelayEvents(metrics: Metrics, name: RelayCommand): CountEvent {
  const connected = metrics.counter(
    `subflow_${name}_connected_total`,
    'Clients that got their server, by whether Multipath TCP is spoken on either side.',
    ['client_multipath', 'server_multipath'],
  );
  const closed = metrics.counter(
    `subflow_${name}_closed_total`,
    'Clients that are gone, by what became of them, and the error that they were told.',
    ['outcome', 'error'],
  );
  const refused = metrics.counter(`subflow_${name}_refused_total`, 'Clients that got no place, by reason.', [
    'reason',
  ]);
  return (event, fields) => {
    const said = (field: string): string => (field in fields ? String(fields[field]) : '');
    if (event === 'connected')
      connected.add(1, {
        client_multipath: said('clientMultipath'),
        server_multipath: said('serverMultipath'),
      });
    else if (event === 'closed') closed.add(1, { outcome: said('outcome'), error: said('error') });
    else if (event === 'refused' || event === 'exhausted') refused.add(1, { reason: said('reason') });
  };
}

/** Adds the metrics of what goes on now, in all of `sets` together. */
export function observeRelays(metrics: Metrics, name: RelayCommand, sets: readonly RelayFigures[]): void {
  const sum = (value: (set: RelayFigures) => number): number =>
    sets.reduce((all, set) => all + value(set), 0);
  const observe = (what: string, help: string, value: (set: RelayFigures) => number): void =>
    metrics.observe(`subflow_${name}_${what}`, help, () => sum(value));
  observe('connections', 'Connections of clients, those being set up included.', (set) => set.connections);
  observe('relays', 'Connections that are relayed.', (set) => set.active);
  observe('clients', 'Addresses of clients that have a connection.', (set) => set.clientCount);
  metrics.observeEach(
    `subflow_${name}_bytes_total`,
    'Bytes relayed, by whom they came from.',
    ['from'],
    () => [
      [{ from: 'client' }, sum(({ totals }) => totals.clientBytes)],
      [{ from: 'server' }, sum(({ totals }) => totals.serverBytes)],
    ],
  );
}

/** What a converter counts, for Prometheus. No label has a value that a client can choose. */

import type { ConverterEvent, ConverterServer, Metrics } from '../../node/index.js';

/** Counts what the log tells of. */
export type CountEvent = (event: ConverterEvent, fields: Readonly<Record<string, unknown>>) => void;

/** Adds the metrics of events; the returned function is told of each. */
export function countEvents(metrics: Metrics): CountEvent {
  const connected = metrics.counter(
    'subflow_converter_connected_total',
    'Clients that got their server, by whether Multipath TCP is spoken on either side.',
    ['client_multipath', 'server_multipath'],
  );
  const closed = metrics.counter(
    'subflow_converter_closed_total',
    'Clients that are gone, by what became of them, and the error of RFC 8803 that they were told.',
    ['outcome', 'error'],
  );
  const refused = metrics.counter(
    'subflow_converter_refused_total',
    'Clients that got no place, by reason.',
    ['reason'],
  );
  return (event, fields) => {
    const said = (name: string): string => (name in fields ? String(fields[name]) : '');
    if (event === 'connected')
      connected.add(1, {
        client_multipath: said('clientMultipath'),
        server_multipath: said('serverMultipath'),
      });
    else if (event === 'closed') closed.add(1, { outcome: said('outcome'), error: said('error') });
    else if (event === 'refused') refused.add(1, { reason: said('reason') });
  };
}

/** Adds the metrics of what goes on now. */
export function observeRelays(metrics: Metrics, { relays }: ConverterServer): void {
  metrics.observe(
    'subflow_converter_connections',
    'Connections of clients, those being set up included.',
    () => {
      return relays.connections;
    },
  );
  metrics.observe('subflow_converter_relays', 'Connections that are relayed.', () => relays.active);
  metrics.observe('subflow_converter_clients', 'Addresses of clients that have a connection.', () => {
    return relays.clientCount;
  });
  metrics.observeEach(
    'subflow_converter_bytes_total',
    'Bytes relayed, by whom they came from.',
    ['from'],
    () => {
      const { clientBytes, serverBytes } = relays.totals;
      return [
        [{ from: 'client' }, clientBytes],
        [{ from: 'server' }, serverBytes],
      ];
    },
  );
}

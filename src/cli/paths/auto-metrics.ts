/** What a keeper of paths counts, for Prometheus. Labels are names of this machine's interfaces, and of events. */

import type { Metrics, PathKeeper, PathKeeperEvent } from '../../node/index.js';

/** Adds the metrics of events; the returned function is told of each. */
export function countKeeperEvents(metrics: Metrics): (event: PathKeeperEvent['event']) => void {
  const events = metrics.counter('subflow_paths_events_total', 'What was told of in the log, by event.', [
    'event',
  ]);
  return (event) => events.add(1, { event });
}

/** Adds the metrics of what is there now. */
export function observeKeeper(metrics: Metrics, keeper: PathKeeper): void {
  metrics.observeEach(
    'subflow_paths_uplink',
    'Uplinks: 1 each, with its kind, what it does and how it is.',
    ['interface', 'kind', 'state', 'quality'],
    () =>
      keeper.uplinks.map(({ name, facts: { kind }, state, quality }) => [
        { interface: name, kind, state, quality },
        1,
      ]),
  );
  metrics.observeEach(
    'subflow_paths_connections',
    'Connections that have a subflow on an uplink.',
    ['interface'],
    () => keeper.uplinks.map(({ name, connections }) => [{ interface: name }, connections]),
  );
  metrics.observeEach(
    'subflow_paths_bytes_total',
    'Bytes that went over an uplink, whoever sent them, headers included.',
    ['interface', 'direction'],
    () =>
      keeper.uplinks.flatMap(({ name, bytesSent, bytesReceived }) => [
        [{ interface: name, direction: 'sent' }, bytesSent] as const,
        [{ interface: name, direction: 'received' }, bytesReceived] as const,
      ]),
  );
  metrics.observe(
    'subflow_paths_metered_bytes_total',
    'Bytes that went over uplinks that cost money.',
    () => keeper.meteredUsedBytes,
  );
  metrics.observe(
    'subflow_paths_metered_left_bytes',
    'Bytes that may still go over uplinks that cost money.',
    () => keeper.meteredLeftBytes,
  );
  metrics.observe(
    'subflow_paths_refused_steps',
    'Steps that the system refuses now.',
    () => keeper.refusedSteps,
  );
}

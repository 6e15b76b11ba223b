/** What a bond carries by each uplink, for Prometheus. Labels are names of this machine's interfaces. */

import type { Bond, BondReport, Metrics } from '../../node/index.js';
import { observeRelays } from '../relay-metrics.js';

/** Adds the metrics of what is there now; `look` gives the report of the last look. */
export function observeBond(metrics: Metrics, bond: Bond, look: () => BondReport): void {
  observeRelays(metrics, 'bond', [bond.relays]);
  metrics.observeEach(
    'subflow_bond_uplink',
    'Uplinks: 1 each, with its kind, what it is used for and how it is.',
    ['uplink', 'kind', 'state', 'quality'],
    () => look().uplinks.map(({ name, kind, state, quality }) => [{ uplink: name, kind, state, quality }, 1]),
  );
  metrics.observeEach(
    'subflow_bond_uplink_bytes_total',
    'Bytes that went over an uplink, whoever sent them, headers included.',
    ['uplink', 'direction'],
    () =>
      look().uplinks.flatMap(({ name, sentBytes, receivedBytes }) => [
        [{ uplink: name, direction: 'sent' }, sentBytes] as const,
        [{ uplink: name, direction: 'received' }, receivedBytes] as const,
      ]),
  );
  metrics.observeEach(
    'subflow_bond_refused_packets_total',
    'Packets of the LAN that were refused, for they are not TCP.',
    ['kind'],
    () => look().refused.map(({ kind, packets }) => [{ kind }, packets]),
  );
  metrics.observe(
    'subflow_bond_paused',
    '1 while no uplink is left but such that have carried what they may.',
    () => Number(look().isPaused),
  );
}

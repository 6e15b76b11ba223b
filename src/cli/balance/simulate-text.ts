/** What `subflow balance simulate` prints for a person. */

import type { FlowSimulationRow } from '../../balancer/index.js';
import { tableLines } from '../table.js';

/** A column: its title, and what a row has in it. */
type Column = readonly [string, (row: FlowSimulationRow) => string];

const columns: readonly Column[] = [
  ['connections', ({ connections }) => `${connections}`],
  ['broken', ({ brokenConnections }) => `${brokenConnections}`],
  ['joins', ({ joins }) => `${joins}`],
  ['broken', ({ brokenJoins }) => `${brokenJoins}`],
  ['bytes/connection', ({ bytesPerConnection }) => bytesPerConnection.toFixed(1)],
  ['busiest/mean', ({ busiestShare }) => busiestShare.toFixed(2)],
  ['variation', ({ variation }) => variation.toFixed(3)],
  ['detours', ({ detours }) => `${detours}`],
  ['bytes/packet', ({ encapsulationBytesPerPacket }) => encapsulationBytesPerPacket.toFixed(1)],
  ['avoided', ({ misSteersAvoided }) => `${misSteersAvoided}`],
];

/** Columns about tokens, for balancers that have any to share. */
const tokenColumns: readonly Column[] = [
  ['tokens shared', ({ tokensShared }) => `${tokensShared}`],
  ['missed', ({ tokensMissed }) => `${tokensMissed}`],
];

/** A table of the designs, and one of what each event broke. */
export function simulationText(rows: readonly FlowSimulationRow[]): string {
  const isSharing = rows.some(({ tokensShared, tokensMissed }) => tokensShared + tokensMissed > 0);
  const events = rows[0]!.events.map(({ event }, index): Column => [
    event,
    (row) => `${row.events[index]!.brokenConnections}, ${row.events[index]!.brokenJoins}`,
  ]);
  return [
    table(isSharing ? [...columns, ...tokenColumns] : columns, rows),
    '',
    'Broken by each event, connections and joins:',
    '',
    table(events, rows),
  ].join('\n');
}

function table(shown: readonly Column[], rows: readonly FlowSimulationRow[]): string {
  const titles = shown.map(([title]) => ({ title, isNumber: true }));
  return tableLines(
    [{ title: 'design', isNumber: false }, ...titles],
    rows.map((row) => [row.design, ...shown.map(([, textOf]) => textOf(row))]),
  ).join('\n');
}

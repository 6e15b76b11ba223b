/** One row for each connection of the report, and one for each of its subflows. */
import type {
  ConnectionReport,
  DataDirectionReport,
  SubflowDirectionReport,
  SubflowReport,
} from '../report.js';
import { type Cell, type Column, type PickedColumn, pickedTable, type Table } from './table.js';

/** A subflow with what it is part of. */
export interface SubflowRow {
  readonly connection: ConnectionReport;
  readonly subflow: SubflowReport;
}

function column<Row>(
  type: Column['type'],
  name: string,
  meaning: string,
  pick: (row: Row) => Cell,
): PickedColumn<Row> {
  return { name, type, meaning, pick };
}

/** Columns of what one host sent at the data level; `prefix` says which. */
function dataColumns(
  prefix: 'client' | 'server',
  pick: (row: ConnectionReport) => DataDirectionReport,
): readonly PickedColumn<ConnectionReport>[] {
  const at = (name: string, meaning: string, get: (data: DataDirectionReport) => Cell) =>
    column<ConnectionReport>('integer', `${prefix}${name}`, `of the ${prefix}: ${meaning}`, (row) =>
      get(pick(row)),
    );
  return [
    at('Bytes', 'data bytes on all subflows, each time they were sent', (data) => data.bytes),
    at('UniqueBytes', 'different data bytes', (data) => data.uniqueBytes),
    at('ReinjectedBytes', 'data bytes sent again on another subflow', (data) => data.reinjectedBytes),
    at('GoodputBps', 'different data bits per second, rounded', ({ goodputBps }) => rounded(goodputBps)),
    at('DataRttMedianNs', 'median time from data to DATA_ACK', ({ dataRtt }) => rounded(dataRtt?.median)),
    at('WindowBlockedNs', "time in which the peer's receive window had no room", (data) =>
      rounded(data.windowBlockedNs),
    ),
  ];
}

function rounded(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : Math.round(value);
}

export const connectionTable: Table<ConnectionReport> = pickedTable<ConnectionReport>(
  'connections',
  'one row for each connection',
  [
    column('integer', 'id', 'number, from 0', ({ id }) => id),
    column('integer', 'vantage', 'where it was seen', ({ vantage }) => vantage),
    column('text', 'protocol', '`mptcp` or `tcp`', ({ protocol }) => protocol),
    column('integer', 'version', 'of Multipath TCP: 0 or 1', ({ version }) => version),
    column('boolean', 'fallback', 'whether it went on as plain TCP', ({ fallback }) => fallback),
    column('text', 'fallbackCause', 'why', ({ fallbackCause }) => fallbackCause),
    column('boolean', 'checksum', 'whether DSS checksums are in use', ({ checksum }) => checksum),
    column('text', 'client', 'address and port', ({ client }) => client),
    column('text', 'server', 'address and port', ({ server }) => server),
    column('integer', 'clientToken', 'token of the client', ({ clientToken }) => clientToken),
    column('integer', 'serverToken', 'token of the server', ({ serverToken }) => serverToken),
    column('integer', 'startNs', 'nanoseconds since the first frame', ({ startNs }) => startNs),
    column('instant', 'startTime', 'the same in UTC', ({ startNs }) => startNs),
    column('integer', 'durationNs', 'nanoseconds from its first packet to its last', (c) => c.durationNs),
    column('integer', 'packets', 'segments on all subflows', ({ packets }) => packets),
    column('integer', 'subflows', 'how many', ({ subflows }) => subflows.length),
    column('text', 'ending', '`closed`, `aborted` or `open`', ({ ending }) => ending),
    ...dataColumns('client', ({ clientData }) => clientData),
    ...dataColumns('server', ({ serverData }) => serverData),
  ],
);

/** Columns of what one host sent on a subflow; `prefix` says which. */
function sentColumns(
  prefix: 'client' | 'server',
  pick: (row: SubflowReport) => SubflowDirectionReport,
): readonly PickedColumn<SubflowRow>[] {
  const at = (
    type: Column['type'],
    name: string,
    meaning: string,
    get: (sent: SubflowDirectionReport) => Cell,
  ) =>
    column<SubflowRow>(type, `${prefix}${name}`, `of the ${prefix}: ${meaning}`, ({ subflow }) =>
      get(pick(subflow)),
    );
  return [
    at('integer', 'Packets', 'segments sent', (sent) => sent.packets),
    at('integer', 'Bytes', 'payload bytes, each time they were sent', (sent) => sent.bytes),
    at('integer', 'UniqueBytes', 'different payload bytes', (sent) => sent.uniqueBytes),
    at('integer', 'RetransmittedBytes', 'sent again on this subflow', (sent) => sent.retransmittedBytes),
    at('integer', 'ReinjectedBytes', 'had gone out on another before', (sent) => sent.reinjectedBytes),
    at('real', 'Share', 'of the data of the connection, 0 to 1', (sent) => sent.share),
    at('integer', 'RttMedianNs', 'median round-trip time, in nanoseconds', ({ rtt }) => rounded(rtt?.median)),
    at('integer', 'RttP95Ns', '95th percentile of it', ({ rtt }) => rounded(rtt?.p95)),
    at('integer', 'FlightMaxBytes', 'most in flight', ({ flightBytes }) => rounded(flightBytes?.max)),
    at('integer', 'ZeroWindows', 'times that it closed its window', (sent) => sent.zeroWindows),
    at('integer', 'MissingBytes', 'acknowledged, but not in the capture', (sent) => sent.missingBytes),
  ];
}

export const subflowTable: Table<SubflowRow> = pickedTable<SubflowRow>(
  'subflows',
  'one row for each subflow',
  [
    column('integer', 'connection', '`id` of its connection', ({ connection }) => connection.id),
    column('integer', 'id', 'number within the connection, from 0', ({ subflow }) => subflow.id),
    column('integer', 'vantage', 'where it was seen', ({ connection }) => connection.vantage),
    column('integer', 'stream', '`stream` of its packets', ({ subflow }) => subflow.stream),
    column('text', 'client', 'address and port', ({ subflow }) => subflow.client),
    column('text', 'server', 'address and port', ({ subflow }) => subflow.server),
    column('boolean', 'joined', 'whether by MP_JOIN', ({ subflow }) => subflow.joined),
    column('text', 'matchedBy', 'how it was found to belong there', ({ subflow }) => subflow.matchedBy),
    column('text', 'openedBy', 'who sent the SYN', ({ subflow }) => subflow.openedBy),
    column('boolean', 'backup', 'whether it is a backup', ({ subflow }) => subflow.backup),
    column('integer', 'addressId', 'that the opener stated', ({ subflow }) => subflow.addressId),
    column('integer', 'startNs', 'nanoseconds since the first frame', ({ subflow }) => subflow.startNs),
    column('instant', 'startTime', 'the same in UTC', ({ subflow }) => subflow.startNs),
    column('integer', 'durationNs', 'nanoseconds', ({ subflow }) => subflow.durationNs),
    column('text', 'ending', '`fin`, `reset` or `open`', ({ subflow }) => subflow.ending),
    ...sentColumns('client', ({ clientToServer }) => clientToServer),
    ...sentColumns('server', ({ serverToClient }) => serverToClient),
  ],
);

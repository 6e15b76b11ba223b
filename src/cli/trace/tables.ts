/** The tables of a trace as files: packets and mappings as they come by, connections and subflows at the end. */

import { join } from 'node:path';
import type { CapturedPacket } from '../../capture/index.js';
import {
  connectionTable,
  MappingFilter,
  mappingTable,
  type Observation,
  packetTable,
  subflowTable,
  type Table,
  type TraceReport,
} from '../../trace/index.js';
import { openFolder } from '../output-file.js';
import { TraceClock } from './trace-clock.js';

/** A table that is being written. */
export interface TableWriter<Row> {
  add(row: Row): void;
  /** Nothing comes any more. */
  close(): void;
}

/** How a table is written to a path without an ending. */
export type TableFormat = <Row>(table: Table<Row>, path: string, clock: TraceClock) => TableWriter<Row>;

/** The four tables of a trace in a folder. */
export class TraceTables {
  private readonly packets: TableWriter<Observation>;
  private readonly mappings: TableWriter<Observation>;
  private readonly filter = new MappingFilter();
  private readonly clock = new TraceClock();
  private readonly folder: string;
  private readonly format: TableFormat;

  /** Makes the folder and the files. Throws a `FailureError`, as everything here. */
  constructor(folder: string, format: TableFormat) {
    openFolder(folder, 'choose another folder');
    this.folder = folder;
    this.format = format;
    this.packets = this.open(packetTable);
    this.mappings = this.open(mappingTable);
  }

  add(packet: CapturedPacket, observation: Observation): void {
    this.clock.learn(packet, observation.atNs);
    this.packets.add(observation);
    if (this.filter.isNew(observation)) this.mappings.add(observation);
  }

  /** Writes what the report has, and closes the files. */
  finish({ connections }: TraceReport): void {
    this.packets.close();
    this.mappings.close();
    const rows = this.open(connectionTable);
    const subflows = this.open(subflowTable);
    for (const connection of connections) {
      rows.add(connection);
      for (const subflow of connection.subflows) subflows.add({ connection, subflow });
    }
    rows.close();
    subflows.close();
  }

  private open<Row>(table: Table<Row>): TableWriter<Row> {
    return this.format(table, join(this.folder, table.name), this.clock);
  }
}

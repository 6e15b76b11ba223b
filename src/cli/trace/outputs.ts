/**
 * What `subflow trace` writes to files, and how often it reads the captures for that. What concerns all packets takes one
 * reading; what concerns chosen connections takes two, since a join may be matched, and a token known, after packets that
 * belong to it. So does plain TCP, whose connections have their numbers at the end only; standard input, which can be read
 * once, leaves the numbers of its packets out.
 */

import { Attribution, type ConnectionSelection } from '../../trace/index.js';
import { chooseConnections } from '../captures/filter.js';
import { STANDARD_INPUT } from '../captures/input.js';
import type { PacketFile } from './packet-file.js';
import { readCaptures, type Reading, type ReadOptions, requireFiles } from '../captures/read.js';
import { TraceTables } from './tables.js';

/** As the options say. */
export interface OutputFlags {
  /** Folders for tables. */
  readonly csv?: string;
  readonly parquet?: string;
  /** File for packets. */
  readonly write?: string;
}

/** Where packets go. */
class Outputs {
  readonly tables: readonly TraceTables[];
  readonly packets: PacketFile | undefined;

  private constructor(tables: readonly TraceTables[], packets: PacketFile | undefined) {
    this.tables = tables;
    this.packets = packets;
  }

  /** Formats are loaded where they are asked for: Parquet's writer alone is fifty modules. */
  static async open({ csv, parquet, write }: OutputFlags, inputs: readonly string[]): Promise<Outputs> {
    const tables: TraceTables[] = [];
    if (csv !== undefined) tables.push(new TraceTables(csv, (await import('./csv.js')).csvTable));
    if (parquet !== undefined)
      tables.push(new TraceTables(parquet, (await import('./parquet.js')).parquetTable));
    if (write === undefined) return new Outputs(tables, undefined);
    return new Outputs(tables, new (await import('./packet-file.js')).PacketFile(write, inputs));
  }
}

/** Reads the captures, writes what is asked for, and gives what was found of the connections selected. */
export async function readAndWrite(
  names: readonly string[],
  options: ReadOptions,
  showsProgress: boolean,
  flags: OutputFlags,
  selection: ConnectionSelection | undefined,
): Promise<Reading> {
  const writes = [flags.csv, flags.parquet, flags.write].some((place) => place !== undefined);
  if (writes && (selection !== undefined || flags.write !== undefined)) {
    requireFiles(names, flags.write === undefined ? 'tables of chosen connections' : '--write');
  }
  const outputs = await Outputs.open(flags, names);
  if (writes && selection === undefined && outputs.packets === undefined) {
    return writeAll(names, options, showsProgress, outputs);
  }
  const first = await readCaptures(names, options, showsProgress);
  const { connections } = first.report;
  const chosen = selection === undefined ? connections : chooseConnections(connections, selection);
  const reading = { ...first, report: { ...first.report, connections: chosen } };
  if (writes) await writeChosen(names, options, showsProgress, outputs, reading, selection ?? {});
  return reading;
}

async function writeAll(
  names: readonly string[],
  options: ReadOptions,
  showsProgress: boolean,
  { tables }: Outputs,
): Promise<Reading> {
  const isReadTwice = options.includesPlain === true && !names.includes(STANDARD_INPUT);
  const first = isReadTwice ? await readCaptures(names, options, showsProgress) : undefined;
  const attribution = new Attribution(first?.report.connections ?? []);
  const reading = await readCaptures(names, options, showsProgress, (packet, observation) => {
    if (observation === undefined) return;
    attribution.attribute(observation);
    for (const table of tables) table.add(packet, observation);
  });
  for (const table of tables) table.finish(reading.report);
  return reading;
}

async function writeChosen(
  names: readonly string[],
  options: ReadOptions,
  showsProgress: boolean,
  { tables, packets }: Outputs,
  { report, files }: Reading,
  { fromNs = 0, toNs = Number.POSITIVE_INFINITY }: ConnectionSelection,
): Promise<void> {
  const attribution = new Attribution(report.connections);
  packets?.describe(files);
  await readCaptures(names, options, showsProgress, (packet, observation, input) => {
    if (observation === undefined || observation.atNs < fromNs || observation.atNs > toNs) return;
    if (!attribution.attribute(observation)) return;
    for (const table of tables) table.add(packet, observation);
    packets?.add(packet, input);
  });
  for (const table of tables) table.finish(report);
  packets?.close();
}

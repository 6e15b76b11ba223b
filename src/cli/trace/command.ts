/** `subflow trace FILE...`: what happened in a capture. */

import type { Command } from 'commander';
import { MILLISECOND } from '../../base/index.js';
import { reportPieces, type TraceReport } from '../../trace/index.js';
import { ExitStatus, UsageError } from '../errors.js';
import { addFilterOptions, type FilterFlags, readSelection } from '../captures/filter.js';
import { type OutputFlags, readAndWrite } from './outputs.js';
import { reportText } from './text.js';
import { parseDuration } from '../units.js';

interface TraceFlags extends FilterFlags, OutputFlags {
  readonly all?: true;
  readonly key: readonly string[];
  /** False with `--no-checksums`. */
  readonly checksums: boolean;
  readonly bothEnds?: true;
  readonly options?: true;
  readonly statistics?: true;
  readonly interval?: number;
  readonly json?: true;
}

/** Declares `subflow trace`. */
export function declareTrace(command: Command, setStatus: (status: number) => void): void {
  command
    .description(
      'Reads captures (pcap or pcapng, also packed with gzip or Zstandard) and tells what Multipath TCP did in them.\n' +
        'Several files are read as one, in the order of time.',
    )
    .argument('<file...>', 'captures; - is standard input')
    .option(
      '--both-ends',
      'each file was captured at another place: compares what they show of one connection, and measures one-way delays',
    )
    .option('--all', 'report plain TCP connections too')
    .option(
      '--key <hex>',
      "a host's key, 16 hexadecimal digits, if the capture does not show it; repeatable",
      collectKey,
      [],
    )
    .option('--no-checksums', 'do not verify DSS checksums: faster')
    .option('--options', 'explain every option of every handshake')
    .option('--statistics', 'show every number of every subflow and direction')
    .option('--interval <time>', 'count new data over time, in intervals of this length: 100ms', readInterval)
    .option('--json', 'print one object for scripts')
    .option('--csv <folder>', 'write tables there: packets, mappings, connections, subflows')
    .option('--parquet <folder>', 'write the same tables as Parquet')
    .option('--write <file>', 'write the packets of the connections to a new pcapng file');
  addFilterOptions(command).action(async (files: readonly string[], flags: TraceFlags) => {
    setStatus(await trace(files, flags));
  });
}

function collectKey(text: string, keys: readonly string[]): readonly string[] {
  const digits = text.replace(/^0x/i, '');
  if (!/^[0-9a-f]{16}$/i.test(digits)) {
    throw new UsageError(`'${text}' is not a key`, 'a key has 16 hexadecimal digits');
  }
  return [...keys, digits.toLowerCase()];
}

/** Shorter ones would be of single packets, and there would be too many to keep. */
const SHORTEST_INTERVAL_NS = MILLISECOND;

function readInterval(text: string): number {
  const ns = parseDuration(text);
  if (ns >= SHORTEST_INTERVAL_NS) return ns;
  throw new UsageError(`an interval of '${text}' is too short`, 'give 1ms or more');
}

async function trace(names: readonly string[], flags: TraceFlags): Promise<number> {
  const selection = readSelection(flags);
  const options = {
    includesPlain: flags.all === true,
    keys: flags.key,
    verifiesChecksums: flags.checksums,
    isPlaceEach: flags.bothEnds === true,
    measuresDelays: flags.bothEnds === true,
    intervalNs: flags.interval ?? 0,
    fromNs: selection?.fromNs ?? 0,
    toNs: selection?.toNs ?? Number.POSITIVE_INFINITY,
  };
  const { report } = await readAndWrite(names, options, flags.json !== true, flags, selection);
  if (flags.json) {
    for (const piece of reportPieces(report, flags.options === true)) process.stdout.write(piece);
    process.stdout.write('\n');
  } else {
    process.stdout.write(`${(await textsOf(report, flags)).join('\n\n')}\n`);
  }
  return ExitStatus.done;
}

/** The report for a person: what is not asked for is not loaded either. */
async function textsOf(report: TraceReport, flags: TraceFlags): Promise<string[]> {
  const texts = [reportText(report)];
  if (report.delays !== null) texts.push((await import('./delays-text.js')).delaysText(report.delays));
  if (flags.statistics === true || flags.interval !== undefined)
    texts.push((await import('./statistics-text.js')).statisticsText(report));
  if (flags.options === true) texts.push((await import('./options-text.js')).optionsText(report));
  return texts;
}

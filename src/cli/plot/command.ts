/** `subflow plot FILE...`: pictures of what one connection did. */

import { type Command, Option } from 'commander';
import {
  Attribution,
  type ConnectionReport,
  ConnectionSeries,
  type ConnectionSelection,
  type Sender,
} from '../../trace/index.js';
import { ExitStatus, FailureError, UsageError } from '../errors.js';
import { openFolder } from '../output-file.js';
import { addFilterOptions, chooseConnections, type FilterFlags, readSelection } from '../captures/filter.js';
import { readCaptures, requireFiles } from '../captures/read.js';
import { type DrawnFigure, type FormatFlags, writeFormats } from './formats.js';
import { makeFigure, type PlotKind, plotKinds, type PlotSource } from './figures.js';

interface PlotFlags extends FilterFlags, FormatFlags {
  readonly kind?: readonly PlotKind[];
  readonly by?: Sender;
  readonly output: string;
}

/** Declares `subflow plot`. */
export function declarePlot(command: Command, setStatus: (status: number) => void): void {
  command
    .description(
      'Draws one connection of a capture: its data sequence, goodput, round-trip times and more.\n' +
        'Of several connections it takes the one that carried most, unless one is chosen.',
    )
    .argument('<file...>', 'captures, read as one in the order of time')
    .option(
      '--kind <kind>',
      `what to draw: ${plotKinds.join(', ')}; repeatable; everything unless given`,
      collectKind,
    )
    .addOption(
      new Option('--by <host>', 'whose data; that of the host that sent more unless given').choices([
        'client',
        'server',
      ]),
    )
    .option('--output <folder>', 'where the files go', 'plots')
    .option('--svg', 'write SVG files: so it is when no form is asked for')
    .option('--html', 'write one page to move in: pan, zoom, and what each point is')
    .option('--xplot', 'write files for xplot')
    .option('--csv', 'write the points as CSV');
  addFilterOptions(command).action(async (files: readonly string[], flags: PlotFlags) => {
    setStatus(await plot(files, flags));
  });
}

function collectKind(text: string, kinds: readonly PlotKind[] = []): readonly PlotKind[] {
  const kind = plotKinds.find((known) => known === text);
  if (kind === undefined) {
    throw new UsageError(`'${text}' is no kind of plot`, `choose among ${plotKinds.join(', ')}`);
  }
  return kinds.includes(kind) ? kinds : [...kinds, kind];
}

async function plot(names: readonly string[], flags: PlotFlags): Promise<number> {
  requireFiles(names, 'subflow plot');
  openFolder(flags.output, 'choose another place with --output');
  const connection = await choose(names, readSelection(flags) ?? {});
  const sender = flags.by ?? busierHost(connection);
  const series = new ConnectionSeries(connection, {
    sender,
    ...(flags.html === true ? { maxPoints: PAGE_POINTS } : {}),
    ...(flags.from === undefined ? {} : { fromNs: flags.from }),
    ...(flags.to === undefined ? {} : { toNs: flags.to }),
  });
  const attribution = new Attribution([connection]);
  await readCaptures(names, readingOptions, true, (_packet, observation) => {
    if (observation !== undefined && attribution.attribute(observation)) series.take(observation);
  });
  const lines = draw({ connection, series }, flags);
  process.stdout.write(`${lines.join('\n')}\n`);
  return ExitStatus.done;
}

/** Points of a series on a page, where a reader looks closer. */
const PAGE_POINTS = 20_000;

/** Pictures need no checksums, and may be asked for of plain TCP too. */
const readingOptions = { includesPlain: true, verifiesChecksums: false };

/** The connection that was asked for; of several the one with most data, those of Multipath TCP first. */
async function choose(names: readonly string[], selection: ConnectionSelection): Promise<ConnectionReport> {
  const { report } = await readCaptures(names, readingOptions, true);
  const chosen = chooseConnections(report.connections, selection);
  const rank = (connection: ConnectionReport): number =>
    (connection.protocol === 'mptcp' ? 1 : 0) * Number.MAX_SAFE_INTEGER +
    sentBytes(connection, 'client') +
    sentBytes(connection, 'server');
  return chosen.reduce((best, other) => (rank(other) > rank(best) ? other : best));
}

function sentBytes({ subflows }: ConnectionReport, sender: Sender): number {
  return subflows.reduce(
    (sum, { clientBytes, serverBytes }) => sum + (sender === 'client' ? clientBytes : serverBytes),
    0,
  );
}

function busierHost(connection: ConnectionReport): Sender {
  return sentBytes(connection, 'client') > sentBytes(connection, 'server') ? 'client' : 'server';
}

/** Writes the figures; says what was written and what there is nothing of. */
function draw(source: PlotSource, flags: PlotFlags): string[] {
  const { kind = plotKinds, output, by } = flags;
  const figures = kind.flatMap((each): DrawnFigure[] => {
    const figure = makeFigure(each, source);
    return figure === undefined ? [] : [[each, figure]];
  });
  const { connection, series } = source;
  if (figures.length === 0) {
    throw new FailureError(`connection ${connection.id} has nothing to draw of the ${series.sender}'s data`, {
      hint:
        by === undefined ? 'widen --from and --to' : 'try the other host with --by, or widen --from and --to',
    });
  }
  const missing = kind.filter((each) => !figures.some(([drawn]) => drawn === each));
  const written = writeFormats(output, connection.id, figures, flags);
  return missing.length === 0 ? written : [...written, `Nothing to draw of: ${missing.join(', ')}`];
}

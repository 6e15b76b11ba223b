/** `subflow plot FILE...`: pictures of what one connection did. */

import { type Command, Option } from 'commander';
import {
  Attribution,
  busierHost,
  busiestConnection,
  type ConnectionReport,
  ConnectionSeries,
  type ConnectionSelection,
  otherViews,
  type Sender,
} from '../../trace/index.js';
import { ExitStatus, FailureError, UsageError } from '../errors.js';
import { openFolder } from '../output-file.js';
import { addFilterOptions, chooseConnections, type FilterFlags, readSelection } from '../captures/filter.js';
import { readCaptures, type ReadOptions, requireFiles } from '../captures/read.js';
import { type DrawnFigure, type FormatFlags, writeFormats } from './formats.js';
import { makeFigure, type PlotKind, plotKinds, type PlotSource } from '../../plot/index.js';

interface PlotFlags extends FilterFlags, FormatFlags {
  readonly kind?: readonly PlotKind[];
  readonly by?: Sender;
  readonly bothEnds?: true;
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
    .option(
      '--both-ends',
      'each file was captured at another place: draws the connection as each of them saw it',
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
  const reading = { ...readingOptions, isPlaceEach: flags.bothEnds === true };
  const selection = readSelection(flags) ?? {};
  const views = await choose(names, reading, selection);
  const sender = flags.by ?? busierHost(views[0]!);
  const sources = views.map((connection) => ({
    connection,
    series: collect(connection, sender, selection, flags.html === true),
  }));
  const attribution = new Attribution(views);
  await readCaptures(names, reading, true, (_packet, observation) => {
    if (observation === undefined || !attribution.attribute(observation)) return;
    for (const { connection, series } of sources) {
      if (connection.id === observation.connection) series.take(observation);
    }
  });
  process.stdout.write(`${draw(sources, flags).join('\n')}\n`);
  return ExitStatus.done;
}

function collect(
  connection: ConnectionReport,
  sender: Sender,
  { fromNs, toNs }: ConnectionSelection,
  isForPage: boolean,
): ConnectionSeries {
  return new ConnectionSeries(connection, {
    sender,
    ...(isForPage ? { maxPoints: PAGE_POINTS } : {}),
    ...(fromNs === undefined ? {} : { fromNs }),
    ...(toNs === undefined ? {} : { toNs }),
  });
}

/** Points of a series on a page, where a reader looks closer. */
const PAGE_POINTS = 20_000;

/** Pictures need no checksums, and may be asked for of plain TCP too. */
const readingOptions = { includesPlain: true, verifiesChecksums: false };

/**
 * The connection that was asked for, and after it what other places saw of it; of several the one with most data, those of
 * Multipath TCP first.
 */
async function choose(
  names: readonly string[],
  reading: ReadOptions,
  selection: ConnectionSelection,
): Promise<readonly ConnectionReport[]> {
  const { report } = await readCaptures(names, reading, true);
  const chosen = chooseConnections(report.connections, selection);
  const best = busiestConnection(chosen)!;
  return [best, ...otherViews(report.connections, best)].sort((one, other) => one.vantage - other.vantage);
}

/** Writes the figures; says what was written and what there is nothing of. */
function draw(sources: readonly PlotSource[], flags: PlotFlags): string[] {
  const { kind = plotKinds, output, by } = flags;
  const figures = sources.flatMap((source) =>
    kind.flatMap((each): DrawnFigure[] => {
      const figure = makeFigure(each, source);
      return figure === undefined ? [] : [{ kind: each, connection: source.connection, figure }];
    }),
  );
  const { connection, series } = sources[0]!;
  if (figures.length === 0) {
    throw new FailureError(`connection ${connection.id} has nothing to draw of the ${series.sender}'s data`, {
      hint:
        by === undefined ? 'widen --from and --to' : 'try the other host with --by, or widen --from and --to',
    });
  }
  const missing = kind.filter((each) => !figures.some((drawn) => drawn.kind === each));
  const written = writeFormats(output, figures, flags);
  return missing.length === 0 ? written : [...written, `Nothing to draw of: ${missing.join(', ')}`];
}

/** A scenario of the playground, simulated without a page: the same numbers. */
import { formatDuration, formatRate, formatShare, formatSize, SECOND } from '../../base/index.js';
import { PcapngWriter } from '../../capture/index.js';
import {
  type ComparedNumber,
  type ComparedUnit,
  compareSummaries,
  LabWorld,
  type LabSummary,
  readComparison,
  type Scenario,
  scenarioA,
  scenarioB,
  summarise,
} from '../../lab/index.js';
import { UsageError } from '../errors.js';
import { OutputFile } from '../output-file.js';
import { tableLines } from '../table.js';

interface RunFlags {
  readonly json?: true;
  readonly write?: string;
}

/** Prints what comes of the scenario that `text` is, or of the two; throws a {@link UsageError} when it is none. */
export function run(text: string, { json, write }: RunFlags): void {
  const { problems, ...comparison } = readComparison(text);
  if (problems.length > 0) {
    throw new UsageError(
      problems.join(' ').replace(/\.$/, ''),
      'the playground of `subflow lab` writes scenarios',
    );
  }
  const scenario = scenarioA(comparison);
  const other = scenarioB(comparison);
  if (other !== undefined && write !== undefined) {
    throw new UsageError('There are two scenarios, and one file.', 'write the packets of each by itself');
  }
  const summary = summarise(write === undefined ? runQuietly(scenario) : runWriting(scenario, write));
  if (other === undefined) return print(summary, summaryLines(summary), json);
  const b = summarise(runQuietly(other));
  print({ schema: 'subflow/lab-comparison/1', a: summary, b }, comparisonLines(summary, b), json);
}

function print(value: object, lines: readonly string[], json: true | undefined): void {
  process.stdout.write(json === true ? `${JSON.stringify(value)}\n` : `${lines.join('\n')}\n`);
}

function runQuietly(scenario: Scenario): LabWorld {
  const world = new LabWorld(scenario);
  world.flights.isWanted = false;
  while (!world.isDone) world.advance(world.now + SECOND);
  return world;
}

function runWriting(scenario: Scenario, path: string): LabWorld {
  const capture = new PcapngWriter();
  const file = new OutputFile(path);
  const world = new LabWorld(scenario, { capture });
  world.flights.isWanted = false;
  while (!world.isDone) {
    world.advance(world.now + SECOND);
    file.writeBytes(capture.take());
  }
  file.close();
  return world;
}

function summaryLines(summary: LabSummary): string[] {
  const { isMultipath, version, fallback, completedAtNs, medianAnswerNs, longestAnswerNs } = summary;
  const protocol = isMultipath ? `Multipath TCP, version ${version}` : 'plain TCP';
  const ended = completedAtNs === null ? 'not complete' : `complete after ${formatDuration(completedAtNs)}`;
  const answers =
    medianAnswerNs === null || longestAnswerNs === null
      ? 'none complete'
      : `half within ${formatDuration(medianAnswerNs)}, all within ${formatDuration(longestAnswerNs)}`;
  const { bytesDelivered, bytesWanted, goodputBps, reinjectedBytes, repeatedBytes } = summary;
  return [
    `Protocol:   ${protocol}${fallback === null ? '' : `, fell back (${fallback})`}`,
    `Delivered:  ${formatSize(bytesDelivered)} of ${formatSize(bytesWanted)}, ${ended}`,
    `Goodput:    ${formatRate(goodputBps)}`,
    `Reinjected: ${formatSize(reinjectedBytes)}; came twice: ${formatSize(repeatedBytes)}`,
    `Answers:    ${answers}`,
    `Data:       ${summary.isIntact ? 'what was sent' : 'NOT what was sent'}`,
    '',
    ...pathLines(summary),
  ];
}

const formats: Readonly<Record<ComparedUnit, (value: number) => string>> = {
  ...{ ns: formatDuration, bytes: formatSize, 'bit/s': formatRate, share: formatShare, count: String },
};

function comparisonLines(a: LabSummary, b: LabSummary): string[] {
  const numbers = ['A', 'B', 'B - A'].map((title) => ({ title, isNumber: true }));
  return tableLines(
    [{ title: 'number', isNumber: false }, ...numbers],
    compareSummaries(a, b).map((row) => comparisonRow(row)),
  );
}

function comparisonRow({ name, path, unit, a, b, difference }: ComparedNumber): string[] {
  const format = (value: number | null): string => (value === null ? '-' : formats[unit](value));
  const sign = difference !== null && difference < 0 ? '-' : '';
  // Shares differ by percentage points.
  const more = format(difference === null ? null : Math.abs(difference)).replace('%', 'pp');
  return [path === undefined ? name : `${path}: ${name}`, ...[format(a), format(b)], `${sign}${more}`];
}

function pathLines({ paths }: LabSummary): string[] {
  const words = ['path', 'subflow'].map((title) => ({ title, isNumber: false }));
  const numbers = ['data', 'share', 'packets', 'buffer full', 'lost', 'RTT', 'chosen'];
  const columns = [...words, ...numbers.map((title) => ({ title, isNumber: true }))];
  const rows = paths.map((path) => [
    ...[path.name, path.isBackup ? `${path.subflow}, backup` : path.subflow],
    ...[formatSize(path.bytes), formatShare(path.share), `${path.deliveredPackets}`],
    ...[`${path.droppedPackets}`, `${path.lostPackets}`],
    ...[path.srttNs === null ? '-' : formatDuration(path.srttNs), `${path.chosen}`],
  ]);
  return tableLines(columns, rows);
}

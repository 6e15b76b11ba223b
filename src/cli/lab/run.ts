/** A scenario of the playground, simulated without a page: the same numbers. */
import { formatDuration, formatRate, formatShare, formatSize, SECOND } from '../../base/index.js';
import { PcapngWriter } from '../../capture/index.js';
import { LabWorld, type LabSummary, readScenario, type Scenario, summarise } from '../../lab/index.js';
import { UsageError } from '../errors.js';
import { OutputFile } from '../output-file.js';
import { tableLines } from '../table.js';

/** Prints what comes of the scenario that `text` is; throws a {@link UsageError} when it is none. */
export function run(text: string, { json, write }: { readonly json?: true; readonly write?: string }): void {
  const { scenario, problems } = readScenario(text);
  if (problems.length > 0) {
    throw new UsageError(problems.join(' '), 'the playground of `subflow lab` writes scenarios');
  }
  const summary = summarise(write === undefined ? runQuietly(scenario) : runWriting(scenario, write));
  process.stdout.write(
    json === true ? `${JSON.stringify(summary)}\n` : `${summaryLines(summary).join('\n')}\n`,
  );
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

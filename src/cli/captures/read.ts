/** Has the analyser read captures: one after the other, with its progress shown, and every packet given to who asks. */

import type { CapturedPacket } from '../../capture/index.js';
import {
  type FileReport,
  type Observation,
  TraceAnalyzer,
  type TraceOptions,
  type TraceReport,
} from '../../trace/index.js';
import { type FedFile, feedPackets } from './feed.js';
import { CaptureInput, STANDARD_INPUT } from './input.js';
import { standardInput } from './source.js';
import { FailureError, UsageError } from '../errors.js';
import { ProgressLine } from '../progress.js';

/**
 * Takes a packet, what it turned out to be (undefined for what is no TCP that can be followed), and the index of the
 * capture it is from. Both hold only during the call.
 */
export type SegmentConsumer = (
  packet: CapturedPacket,
  observation: Observation | undefined,
  input: number,
) => void;

/** How captures are read. */
export interface ReadOptions extends TraceOptions {
  /** Whether each capture was made at a place of its own, so that packets are in several of them. */
  readonly isPlaceEach?: boolean;
}

/** What came of a reading. */
export interface Reading {
  readonly report: TraceReport;
  readonly files: readonly FedFile[];
}

/** Reads the captures called `names`; throws a {@link FailureError} when none of them is one. */
export async function readCaptures(
  names: readonly string[],
  { isPlaceEach = false, ...options }: ReadOptions,
  showsProgress: boolean,
  consume?: SegmentConsumer,
): Promise<Reading> {
  const analyzer = new TraceAnalyzer(options);
  const inputs = await openAll(names);
  const size = inputs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const line = new ProgressLine(process.stderr, size, showsProgress);
  let files: readonly FedFile[];
  try {
    files = await feedPackets(inputs, (packet, input) => {
      const observation = analyzer.handle(packet, isPlaceEach ? input : 0);
      consume?.(packet, observation, input);
      if ((packet.frame & 0xffff) === 0) line.update(inputs.reduce((sum, each) => sum + each.position, 0));
    });
  } finally {
    line.end();
  }
  const unread = files.find(({ packets, problem }) => packets === 0 && problem !== undefined);
  if (unread !== undefined && files.every(({ packets }) => packets === 0)) {
    throw new FailureError(`${unread.name}: ${unread.problem!.message}`);
  }
  return { report: analyzer.finish(files.map(fileReport)), files };
}

/** Throws a {@link UsageError} unless the captures can be read more than once; `what` needs that. */
export function requireFiles(names: readonly string[], what: string): void {
  if (!names.includes(STANDARD_INPUT)) return;
  throw new UsageError(
    `${what} reads the capture twice, which standard input cannot give`,
    'name a file instead of -',
  );
}

async function openAll(names: readonly string[]): Promise<readonly CaptureInput[]> {
  if (names.filter((name) => name === STANDARD_INPUT).length > 1) {
    throw new UsageError('standard input can be read only once', 'name - once');
  }
  const inputs: CaptureInput[] = [];
  for (const name of names) inputs.push(await CaptureInput.open(name, standardInput));
  return inputs;
}

function fileReport({ name, format, packets, problem }: FedFile): FileReport {
  return {
    ...{ name, format: format ?? null, packets },
    problem:
      problem === undefined ? null : { code: problem.code, offset: problem.offset, message: problem.message },
  };
}

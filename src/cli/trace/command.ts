/** `subflow trace FILE...`: what happened in a capture. */

import type { Command } from 'commander';
import { TraceAnalyzer, type FileReport, type TraceReport } from '../../trace/index.js';
import { type FedFile, feedPackets } from '../captures/feed.js';
import { CaptureInput } from '../captures/input.js';
import { ExitStatus, FailureError, UsageError } from '../errors.js';
import { ProgressLine } from '../progress.js';
import { reportObject } from './json.js';
import { reportText } from './text.js';

interface TraceFlags {
  readonly all?: true;
  readonly key: readonly string[];
  /** False with `--no-checksums`. */
  readonly checksums: boolean;
  readonly json?: true;
}

/** Adds `subflow trace` to the program. */
export function addTraceCommand(program: Command, setStatus: (status: number) => void): void {
  program
    .command('trace')
    .summary('what happened in this capture')
    .description(
      'Reads captures (pcap or pcapng, also packed with gzip or Zstandard) and tells what Multipath TCP did in them.\n' +
        'Several files are read as one, in the order of time.',
    )
    .argument('<file...>', 'captures; - is standard input')
    .option('--all', 'report plain TCP connections too')
    .option(
      '--key <hex>',
      "a host's key, 16 hexadecimal digits, if the capture does not show it; repeatable",
      collectKey,
      [],
    )
    .option('--no-checksums', 'do not verify DSS checksums: faster')
    .option('--json', 'print one object for scripts')
    .action(async (files: readonly string[], flags: TraceFlags) => {
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

async function trace(names: readonly string[], flags: TraceFlags): Promise<number> {
  const analyzer = new TraceAnalyzer({
    includesPlain: flags.all === true,
    keys: flags.key,
    verifiesChecksums: flags.checksums,
  });
  const report = await analyze(analyzer, names, flags.json !== true);
  const text = flags.json ? JSON.stringify(reportObject(report)) : reportText(report);
  process.stdout.write(`${text}\n`);
  return ExitStatus.done;
}

/** Has `analyzer` read the captures called `names`; throws a {@link FailureError} when none of them is one. */
async function analyze(
  analyzer: TraceAnalyzer,
  names: readonly string[],
  showsProgress: boolean,
): Promise<TraceReport> {
  const inputs = await openAll(names);
  const size = inputs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const line = new ProgressLine(process.stderr, size, showsProgress);
  let files: readonly FedFile[];
  try {
    files = await feedPackets(inputs, (packet) => {
      analyzer.handle(packet);
      if ((packet.frame & 0xffff) === 0) line.update(inputs.reduce((sum, input) => sum + input.position, 0));
    });
  } finally {
    line.end();
  }
  const unread = files.find(({ packets, problem }) => packets === 0 && problem !== undefined);
  if (unread !== undefined && files.every(({ packets }) => packets === 0)) {
    throw new FailureError(`${unread.name}: ${unread.problem!.message}`);
  }
  return analyzer.finish(files.map(fileReport));
}

async function openAll(names: readonly string[]): Promise<readonly CaptureInput[]> {
  if (names.filter((name) => name === '-').length > 1) {
    throw new UsageError('standard input can be read only once', 'name - once');
  }
  const inputs: CaptureInput[] = [];
  for (const name of names) inputs.push(await CaptureInput.open(name, process.stdin));
  return inputs;
}

function fileReport({ name, format, packets, problem }: FedFile): FileReport {
  return {
    ...{ name, format: format ?? null, packets },
    problem:
      problem === undefined ? null : { code: problem.code, offset: problem.offset, message: problem.message },
  };
}

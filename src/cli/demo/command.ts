/** `subflow demo`: a download over two paths, one of which dies. */

import { closeSync, openSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import { PcapngWriter } from '../../capture/index.js';
import { ExitStatus, FailureError } from '../errors.js';
import { mayRunOnLinux, runOnLinux } from './linux.js';
import { declareDemoFlags, readDemoFlags, type DemoParameters } from './parameters.js';
import { reportOf, type DemoOutcome } from './result.js';
import { runSimulated } from './simulated.js';
import type { DemoRun } from './world.js';
import { introduction, LiveView, summary } from './view.js';

/** Opens the capture file, so that a file that cannot be written is told before anything runs. */
function openCapture(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    throw new FailureError(`cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}

async function run(parameters: DemoParameters, file: number | undefined): Promise<DemoOutcome> {
  const { scheduler, congestion } = parameters;
  const hasAlgorithm = scheduler !== undefined || congestion !== undefined;
  const onLinux = parameters.simulate || hasAlgorithm ? undefined : mayRunOnLinux();
  const isReal = onLinux?.available === true;
  if (!parameters.json) {
    if (onLinux?.available === false) {
      process.stderr.write(
        `Not against the kernel: ${onLinux.reason}. Simulating instead; ${onLinux.hint}\n`,
      );
    }
    if (hasAlgorithm && !parameters.simulate) {
      process.stderr.write(
        'The kernel would send by algorithms of its own, so both ends are ours: simulating.\n',
      );
    }
    process.stderr.write(
      `${introduction(parameters, isReal ? "the Linux kernel's MPTCP" : 'a simulated server')}\n`,
    );
  }
  const writer = file === undefined ? undefined : new PcapngWriter();
  const flush = (): void => {
    if (file !== undefined && writer !== undefined) writeFully(file, writer.take());
  };
  const view =
    !parameters.json && process.stderr.isTTY ? new LiveView(process.stderr, parameters) : undefined;
  const options: DemoRun = {
    onSample: (sample) => {
      view?.draw(sample);
      flush();
    },
    capture: writer,
    originSeconds: isReal ? Math.floor(Date.now() / 1000) : 0,
  };
  try {
    return await (isReal ? runOnLinux(parameters, options) : runSimulated(parameters, options));
  } finally {
    flush();
  }
}

/** Writes all of `bytes`, or throws a {@link FailureError} that says what was in the way (a full disk, say). */
function writeFully(file: number, bytes: Uint8Array): void {
  try {
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
  } catch (error) {
    throw new FailureError(`cannot write the capture: ${(error as Error).message}`, { cause: error });
  }
}

/** Declares `subflow demo`. */
export function declareDemo(command: Command, setStatus: (status: number) => void): void {
  command.description(
    "Downloads over an emulated Wi-Fi and an emulated LTE path between our stack and this machine's own kernel;" +
      ' halfway the Wi-Fi dies. Without the rights for that, the same in virtual time.',
  );
  declareDemoFlags(command).action(async (flags: Parameters<typeof readDemoFlags>[0]) => {
    const parameters = readDemoFlags(flags);
    const capture = parameters.pcap === undefined ? undefined : openCapture(parameters.pcap);
    let outcome: DemoOutcome;
    try {
      outcome = await run(parameters, capture);
    } finally {
      if (capture !== undefined) closeSync(capture);
    }
    const report = reportOf(outcome, parameters);
    process.stdout.write(`${parameters.json ? JSON.stringify(report) : summary(report)}\n`);
    setStatus(report.sha256Match && report.bytes === parameters.sizeBytes ? ExitStatus.done : ExitStatus.no);
  });
}

/** The lines of `handover` that the machine's own kernel runs, both ends on it, in real time. */

import type { ExperimentContext } from '../experiment.js';
import type { LinuxLab } from '../linux-lab.js';
import { cellularRttNs, phonePath } from '../mobility/phone.js';
import type { TransferSetup } from '../transfer.js';
import type { HandoverRuns } from './experiment.js';
import { kebab, sequenceFigure } from './figures.js';
import { Recording } from './recording.js';
import {
  endings,
  type HandoverParameters,
  type HandoverTrial,
  measured,
  newsKinds,
  setupOf,
} from './world.js';

/** What the kernel's endpoints can be like, by the service type that is closest. */
const kernelVariants = ['aggregate', 'interactive'] as const;

/** What came of the kernel's lines. */
export interface KernelLines {
  readonly lines: readonly HandoverRuns[];
  readonly figures: Readonly<Record<string, string>>;
}

/** Runs each line once, a download, and draws one for each kind of endpoints. */
export async function runOnKernel(
  {
    parameters,
    seed,
    step,
  }: Pick<ExperimentContext, 'seed' | 'step'> & {
    readonly parameters: HandoverParameters;
  },
  linux: LinuxLab,
  source: string,
): Promise<KernelLines> {
  const trials = kernelVariants.flatMap((variant) =>
    endings.flatMap((ending) =>
      newsKinds.map((news): HandoverTrial => ({
        ...{ parameters, variant, ending, news, direction: 'download', seed, run: 0 },
      })),
    ),
  );
  const lines: HandoverRuns[] = [];
  const figures: Record<string, string> = {};
  for (const trial of trials) {
    const { variant, ending, news } = trial;
    await step(lines.length, trials.length, `Linux, ${variant}, ${ending}, ${news}`);
    const recording = new Recording();
    const { client, pathBytes, clockAtBeginNs } = await linux.transfer(kernelSetup(trial, recording), 'both');
    const rttNs = cellularRttNs(parameters);
    const run = measured(trial, { receiver: client, pathBytes }, { rttNs, rtoNs: 0 });
    lines.push({ ...trial, stack: 'linux', runs: [run] });
    if (ending !== 'fading' || news !== 'unknown') continue;
    const figure = sequenceFigure(recording, trial, {
      ...{ whose: `Linux ${linux.kernel}, ${variant}`, source, clockAtBeginNs },
    });
    if (figure !== undefined) figures[`sequence-linux-${kebab(variant)}`] = figure;
  }
  return { lines, figures };
}

function kernelSetup(trial: HandoverTrial, recording: Recording): TransferSetup {
  const setup = setupOf(trial, (device, side) => recording.wrap(device, side));
  const paths = setup.paths.map((path, index) => ({
    ...path,
    backup: trial.variant === 'interactive' && index === phonePath.cellular,
  }));
  return { ...setup, paths };
}

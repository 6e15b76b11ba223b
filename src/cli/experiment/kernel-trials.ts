/**
 * Many trials with the machine's kernel: some side by side, for each waits most of the time; and what surprises once
 * more by itself, for in real time a busy machine alone can lose a packet or be late for a join.
 */

import type { KernelSides, KernelTrialOutcome, KernelTrialRequest } from '../../experiments/index.js';
import type { TrialSetup } from '../../network/index.js';

/** Trials that run at once. */
const trialsAtOnce = 8;
/** Times that a trial is run at most. */
const maxRuns = 3;

/** How trials are run. */
export interface TrialRunner {
  /** Runs one, once. */
  readonly run: (setup: TrialSetup, sides: KernelSides) => Promise<Omit<KernelTrialOutcome, 'runs'>>;
  /** See `LinuxLab.trials`. */
  readonly step: (done: number, what: string) => Promise<void>;
}

/** Runs all of `requests`; outcomes in their order. */
export async function runKernelTrials(
  requests: readonly KernelTrialRequest[],
  runner: TrialRunner,
): Promise<KernelTrialOutcome[]> {
  const outcomes: KernelTrialOutcome[] = [];
  let begun = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    while (begun < requests.length) {
      const index = begun++;
      const { name, setup, sides } = requests[index]!;
      await runner.step(done, name);
      outcomes[index] = { ...(await runner.run(setup, sides)), runs: 1 };
      done++;
    }
  };
  await Promise.all(Array.from({ length: trialsAtOnce }, lane));
  for (const [index, request] of requests.entries()) {
    if (isSurprising(request, outcomes[index]!))
      outcomes[index] = await again(request, outcomes[index]!, runner, requests.length);
  }
  return outcomes;
}

/** Wrong bytes are no matter of a busy machine: they are believed at once, and never run away from. */
function isSurprising({ expected }: KernelTrialRequest, outcome: KernelTrialOutcome): boolean {
  return outcome.bytesIntact && (!outcome.isOver || !expected.includes(outcome.reaction));
}

/** Runs a trial by itself until it does not surprise, or says the same as the time before. */
async function again(
  request: KernelTrialRequest,
  first: KernelTrialOutcome,
  { run, step }: TrialRunner,
  total: number,
): Promise<KernelTrialOutcome> {
  let before = first;
  for (let runs = 2; runs <= maxRuns; runs++) {
    await step(total, `${request.name}, by itself`);
    const outcome = { ...(await run(request.setup, request.sides)), runs };
    const isSame = outcome.isOver === before.isOver && outcome.reaction === before.reaction;
    if (isSame || !isSurprising(request, outcome)) return outcome;
    before = outcome;
  }
  return before;
}

/** One target, from its address to its report. */

import type { RandomSource } from '../../base/index.js';
import { ProbeDriver } from '../../linux/index.js';
import { CryptoRandom } from '../../node/index.js';
import {
  defaultProbeSettings,
  drawSecrets,
  judge,
  type PathOptions,
  type PathReport,
  PathRun,
  PORTS_OF_A_RUN,
  ProbeRun,
  type ProbeSecrets,
  type ProbeSettings,
  type Scenario,
  type ScenarioResult,
} from '../../probe/index.js';
import type { IpAddress, MptcpVersion } from '../../wire/index.js';
import { FailureError } from '../errors.js';
import type { ProbeCapture } from './capture.js';
import type { ProbeReport } from './report.js';
import { type RequestKind, requestKindFor, requestOf } from './request.js';
import type { ProbeTarget } from '../target.js';

/** What is asked, of whichever target. */
export interface ProbePlan {
  readonly scenarios: readonly Scenario[];
  readonly versions: readonly MptcpVersion[];
  readonly replyNs: number;
  readonly attempts: number;
  /** The kind of request; what suits the port when undefined. */
  readonly request: RequestKind | undefined;
  /** A second address of this machine's for joins. */
  readonly joinLocal: IpAddress | undefined;
  readonly capture: ProbeCapture | undefined;
  /** How the path is traced; not at all when undefined. */
  readonly path: PathOptions | undefined;
}

/** Ports of runs that go on at the same time must not meet: each run gets the next block. */
const FIRST_PORT = 61_000;
const BLOCKS = Math.floor((65_536 - FIRST_PORT) / PORTS_OF_A_RUN);

/** Hands out secrets, with ports in turn. */
export class SecretSource {
  private readonly random: RandomSource = new CryptoRandom();
  private block = this.random.nextUint32() % BLOCKS;

  next(): ProbeSecrets {
    this.block = (this.block + 1) % BLOCKS;
    return { ...drawSecrets(this.random), port: FIRST_PORT + this.block * PORTS_OF_A_RUN };
  }
}

/**
 * Runs the plan against one target; ends early where nobody answers, since nothing else would be answered either. An
 * aborted `signal` closes what is open and rejects.
 */
export async function probeOne(
  target: ProbeTarget,
  plan: ProbePlan,
  secrets: SecretSource,
  signal: AbortSignal,
): Promise<ProbeReport> {
  const { capture, joinLocal } = plan;
  signal.throwIfAborted();
  requireFamily(joinLocal, target);
  const driver = new ProbeDriver({
    target: target.endpoint.address,
    ...(joinLocal !== undefined && { joinLocal }),
    ...(capture !== undefined && { wrap: (device, name) => capture.wrap(device, name) }),
  });
  const stop = (): void => driver.stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const results: ScenarioResult[] = [];
    for (const { scenario, version } of questions(plan)) {
      const run = new ProbeRun(scenario, setupOf(target, plan, version, driver.local, secrets.next()));
      await driver.complete(run);
      signal.throwIfAborted();
      results.push(run.report());
      if (isOutOfReach(results.at(-1)!)) break;
    }
    const path = plan.path === undefined ? undefined : await tracePath(target, plan, driver, secrets);
    signal.throwIfAborted();
    return { target, local: driver.local, results, verdict: judge(results), path };
  } finally {
    signal.removeEventListener('abort', stop);
    driver.close();
  }
}

/** An address of the other version of IP cannot join: that would look as if joins were dropped. */
function requireFamily(joinLocal: IpAddress | undefined, { endpoint }: ProbeTarget): void {
  const { family } = endpoint.address;
  if (joinLocal === undefined || joinLocal.family === family) return;
  throw new FailureError(
    `the target has an address of IPv${family}, and ${joinLocal.toString()}, for joins, is none`,
  );
}

/** The path, in the first of the versions. */
async function tracePath(
  target: ProbeTarget,
  plan: ProbePlan,
  driver: ProbeDriver,
  secrets: SecretSource,
): Promise<PathReport> {
  const version = plan.versions[0] ?? 1;
  const run = new PathRun(setupOf(target, plan, version, driver.local, secrets.next()), plan.path);
  await driver.complete(run);
  return run.report();
}

function isOutOfReach({ reaction }: ScenarioResult): boolean {
  return reaction === 'port-closed' || reaction === 'unreachable';
}

/** The scenarios in each version, version by version. */
function questions({ scenarios, versions }: ProbePlan) {
  return versions.flatMap((version) =>
    scenarios
      .filter((scenario) => scenario.versions.includes(version))
      .map((scenario) => ({ scenario, version })),
  );
}

/** A minute, or time enough for three packets in a row that are not answered. */
export function deadlineOf({ attempts, replyNs }: Pick<ProbePlan, 'attempts' | 'replyNs'>): number {
  return Math.max(defaultProbeSettings.deadlineNs, 3 * replyNs * (2 ** attempts - 1));
}

function setupOf(
  target: ProbeTarget,
  plan: ProbePlan,
  version: MptcpVersion,
  local: IpAddress,
  secrets: ProbeSecrets,
) {
  const settings: ProbeSettings = {
    ...defaultProbeSettings,
    replyNs: plan.replyNs,
    attempts: plan.attempts,
    deadlineNs: deadlineOf(plan),
  };
  const kind = plan.request ?? requestKindFor(target.port);
  return {
    ...{ target: target.endpoint, local, version, secrets, settings },
    ...(plan.joinLocal !== undefined && { joinLocal: plan.joinLocal }),
    request: requestOf(kind, target.host),
  };
}

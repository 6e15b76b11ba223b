/** Whether the probe finds a box on a path, and at the right place. */

import { SeededRandom } from '../../base/index.js';
import type { MiddleboxBehaviour, RouterOptions } from '../../network/index.js';
import {
  defaultPathOptions,
  defaultProbeSettings,
  drawSecrets,
  type Finding,
  PathRun,
  type PathReport,
} from '../../probe/index.js';
import type { MptcpVersion } from '../../wire/index.js';
import { PathWorld } from './path-world.js';

/** What came of one box at one place. */
export type Detection =
  /** A finding names the link that the box stands on. */
  | 'located'
  /** Something was found, and not where. */
  | 'noticed'
  | 'missed'
  /** A finding names another link. */
  | 'misplaced';

export interface DetectionTrial {
  readonly behaviour: MiddleboxBehaviour | undefined;
  /** The link that the box stands on, from 1 up. */
  readonly at: number;
  /** Links of the path. */
  readonly links: number;
  readonly family: 4 | 6;
  readonly version: MptcpVersion;
  readonly seed: number;
  /** How routers complain, where they differ from those of the simulated network. */
  readonly router?: RouterOptions;
}

/** Bytes after which boxes begin that let the beginning of a stream pass: less than the probe sends. */
const AT_BYTE = 200;

/** Traces the path of a trial. */
export function tracePathOf(trial: DetectionTrial): PathReport {
  const { behaviour, at, links, family, version, seed, router } = trial;
  const world = new PathWorld({
    ...{ behaviour, at, links, family, seed, atByte: AT_BYTE },
    ...(router !== undefined && { router }),
    server: { versions: [version] },
  });
  const empty = new Uint8Array(0);
  const run = new PathRun(
    {
      ...{ target: world.target, local: world.local, version, request: { head: empty, tail: empty } },
      secrets: drawSecrets(new SeededRandom(seed + 2)),
      settings: { ...defaultProbeSettings, attempts: 2 },
    },
    { ...defaultPathOptions, idleNs: behaviour?.needs?.pauseNs ?? 0 },
  );
  world.probe.complete(run);
  return run.report();
}

/** Judges the findings of a trial. */
export function judgeDetection(trial: DetectionTrial, findings: readonly Finding[]): Detection {
  if (findings.length === 0) return 'missed';
  const right = findings.filter((finding) => isAt(finding, trial));
  const placed = findings.filter(({ before }) => before !== undefined);
  if (placed.some((finding) => !isAt(finding, trial))) return 'misplaced';
  return right.length > 0 ? 'located' : 'noticed';
}

/** Whether a finding names the link of the trial: between the router before it and the one, or the target, behind. */
function isAt({ after, before }: Finding, { at, links }: DetectionTrial): boolean {
  if (after.ttl !== at - 1) return false;
  return before === undefined ? at === links : before.ttl === at;
}

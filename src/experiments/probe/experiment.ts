/** Each middlebox on each link of a path of five: does the probe find it, and where does it say that it stands? */

import type { MiddleboxBehaviour } from '../../network/index.js';
import type { PathReport } from '../../probe/index.js';
import type { MptcpVersion } from '../../wire/index.js';
import {
  atLeast,
  type Check,
  defineExperiment,
  equals,
  type ExperimentContext,
  type Row,
} from '../experiment.js';
import { boxParameters, chosenBoxes, chosenFamily } from '../middleboxes/choice.js';
import { type Detection, type DetectionTrial, judgeDetection, tracePathOf } from './detection.js';

/** Links between the probe and the server: four routers. */
export const pathLinks = 5;

const places = Array.from({ length: pathLinks }, (_, index) => index + 1);

const parameters = {
  ...boxParameters,
  mptcpVersion: { kind: 'choice', default: '1', choices: ['0', '1'], doc: 'version of Multipath TCP' },
} as const;

type Context = ExperimentContext<typeof parameters>;

/** One box at one place and what the probe made of it. */
interface Traced {
  readonly trial: DetectionTrial;
  readonly report: PathReport;
  readonly detection: Detection;
}

export const middleboxLocation = defineExperiment({
  name: 'middlebox-location',
  title: 'Where the probe says that a middlebox stands',
  source:
    'Detal et al.: Revealing middlebox interference with tracebox, IMC 2013; the boxes after Honda et al., IMC 2011, and ' +
    'Hesmans et al., HotMiddlebox 2013',
  summary:
    'A path with four routers, and one box on one of its five links. The probe traces the path. A box is located when a ' +
    'finding names the link it stands on, noticed when something was found and no place, missed when nothing was, and ' +
    'misplaced when a finding names another link. On a clean path nothing may be found. Behind the last router nothing is ' +
    'quoted back, so that a box there shows by what the server answers, or not at all.',
  parameters,
  small: { behaviour: 'strip-dss', family: 'ipv6' },
  columns: [
    { name: 'behaviour', title: 'behaviour', kind: 'text' },
    ...places.map((at) => ({ name: `link${at}`, title: `link ${at}`, kind: 'text' as const })),
    { name: 'found', title: 'found as', kind: 'text' },
  ],

  async run(context) {
    const behaviours = chosenBoxes(context.parameters.behaviour);
    const rows: Row[] = [];
    const all: Traced[] = [];
    for (const [index, behaviour] of behaviours.entries()) {
      await context.step(index, behaviours.length, behaviour.name);
      const traced = places.map((at) => trace(trialOf(context, behaviour, at)));
      all.push(...traced);
      rows.push(rowOf(behaviour.name, traced));
    }
    const clean = cleanTrials(context).map(trace);
    rows.push(rowOf('none', clean));
    return { rows, figures: {}, checks: checksOf(all, clean), notes: [noteOn(all, clean)] };
  },
});

function trialOf(context: Context, behaviour: MiddleboxBehaviour | undefined, at: number): DetectionTrial {
  const { family, mptcpVersion } = context.parameters;
  const version = Number(mptcpVersion) as MptcpVersion;
  return { behaviour, at, links: pathLinks, family: chosenFamily(family), version, seed: context.seed };
}

function trace(trial: DetectionTrial): Traced {
  const report = tracePathOf(trial);
  return { trial, report, detection: judgeDetection(trial, report.findings) };
}

function rowOf(behaviour: string, traced: readonly Traced[]): Row {
  const types = new Set(traced.flatMap(({ report }) => report.findings.map(({ type }) => type)));
  const cells = places.map((at) => [
    `link${at}`,
    traced.find(({ trial }) => trial.behaviour !== undefined && trial.at === at)?.detection ?? null,
  ]);
  return {
    ...{ behaviour, found: types.size === 0 ? 'nothing' : [...types].sort().join(', ') },
    ...(Object.fromEntries(cells) as Row),
  };
}

/** Clean paths, over both versions of IP and of Multipath TCP: what is found there is a false alarm. */
function cleanTrials(context: Context): DetectionTrial[] {
  return ([4, 6] as const).flatMap((family) =>
    ([0, 1] as const).map((version) => ({ ...trialOf(context, undefined, 1), family, version })),
  );
}

function counted(all: readonly Traced[], detection: Detection): number {
  return all.filter((one) => one.detection === detection).length;
}

/** Findings on clean paths. */
function falseAlarms(clean: readonly Traced[]): number {
  return clean.reduce((sum, { report }) => sum + report.findings.length, 0);
}

function noteOn(all: readonly Traced[], clean: readonly Traced[]): string {
  const [hits, misses, noticed, misplaced] = (['located', 'missed', 'noticed', 'misplaced'] as const).map(
    (detection) => counted(all, detection),
  );
  return (
    `Of ${all.length} boxes: ${hits} hits, ${misses} misses, ${noticed} noticed without a place, ${misplaced} misplaced; ` +
    `${falseAlarms(clean)} false alarms on ${clean.length} clean paths.`
  );
}

function checksOf(all: readonly Traced[], clean: readonly Traced[]): Check[] {
  const before = all.filter(({ trial }) => trial.at < pathLinks && trial.behaviour?.name !== invisible);
  const located = before.filter(({ detection }) => detection === 'located').length;
  return [
    equals('findings on clean paths', falseAlarms(clean), 0),
    equals('boxes that are said to stand where they do not', counted(all, 'misplaced'), 0),
    ...(before.length > 0
      ? [atLeast('boxes before the last router that are located (share)', located / before.length, 1)]
      : []),
  ];
}

/** The one box that leaves nothing to see: whoever rewrites all times to live makes the path look shorter, and no more. */
const invisible = 'ttl-normalising';

/**
 * Two settings side by side: a scenario A, and a B that has everything of it but what differs. Both have the same seed, and
 * the same happens to their paths. Owns how that is written in one text, and what of their numbers is set against each other.
 */
import type { LabSummary } from './summary.js';
import { defaultScenario, type Incident, type Scenario } from './scenario.js';
import {
  incidentsOn,
  isTooLong,
  readFields,
  scenarioKeys,
  STRAY,
  TOO_LONG,
  writeField,
  writeScenario,
} from './scenario-text.js';

/** What B may have other than A. */
export type ScenarioChanges = Partial<Omit<Scenario, 'seed' | 'incidents'>>;

export interface Comparison {
  /** A; its incidents are those of both, on whichever has the path. */
  readonly scenario: Scenario;
  /** What B has other than A; undefined where nothing is compared. */
  readonly versus: ScenarioChanges | undefined;
}

export interface ReadComparison extends Comparison {
  /** A sentence for each field that has its default because its text made no sense; empty as a rule. */
  readonly problems: readonly string[];
}

const VERSUS = 'versus';
type ChangeKey = keyof ScenarioChanges;
const changeKeys = scenarioKeys.filter((key): key is ChangeKey => key !== 'seed' && key !== 'incidents');

/** A as it is run: without incidents on paths that only B has. */
export function scenarioA({ scenario }: Comparison): Scenario {
  return { ...scenario, incidents: incidentsOn(scenario.incidents, scenario.paths.length) };
}

/** B as it is run; undefined where nothing is compared. */
export function scenarioB({ scenario, versus }: Comparison): Scenario | undefined {
  if (versus === undefined) return undefined;
  const b = { ...scenario, ...versus };
  return { ...b, incidents: incidentsOn(scenario.incidents, b.paths.length) };
}

/** What of `b` differs from `a`. */
export function changesBetween(a: Scenario, b: Scenario): ScenarioChanges {
  const differing = changeKeys.filter((key) => writeField(a, key) !== writeField(b, key));
  return Object.fromEntries(differing.map((key) => [key, b[key]]));
}

/** Writes what {@link readComparison} reads: A, and after `versus` the fields that B has other than A. */
export function writeComparison(comparison: Comparison): string {
  const { scenario } = comparison;
  const a = writeScenario(scenario);
  const b = scenarioB(comparison);
  if (b === undefined) return a;
  const changes = Object.keys(changesBetween(scenario, b)) as ChangeKey[];
  return [a, VERSUS, ...changes.map((key) => writeField(b, key))].join('&');
}

/** Reads what {@link writeComparison} wrote, or a scenario alone, or anything else: it never throws. */
export function readComparison(text: string): ReadComparison {
  if (isTooLong(text)) return { scenario: defaultScenario, versus: undefined, problems: [TOO_LONG] };
  const fields = text.split('&');
  const at = fields.findIndex((field) => field === VERSUS || field === `${VERSUS}=`);
  const first = readFields(at < 0 ? fields : fields.slice(0, at), defaultScenario);
  if (at < 0) return checked(first.scenario, undefined, first.problems);
  const second = readFields(fields.slice(at + 1), first.scenario, true);
  const versus = changesBetween(first.scenario, second.scenario);
  const problems = [...new Set([...first.problems, ...second.problems])];
  return checked(first.scenario, versus, problems);
}

function checked(
  scenario: Scenario,
  versus: ScenarioChanges | undefined,
  problems: readonly string[],
): ReadComparison {
  const paths = Math.max(scenario.paths.length, versus?.paths?.length ?? 0);
  const incidents: readonly Incident[] = incidentsOn(scenario.incidents, paths);
  const isStray = incidents.length < scenario.incidents.length;
  return {
    ...{ scenario: { ...scenario, incidents }, versus },
    problems: isStray ? [...problems, `${STRAY}.`] : problems,
  };
}

/** What a number of a comparison counts. */
export type ComparedUnit = 'ns' | 'bytes' | 'bit/s' | 'share' | 'count';

/** One number of both, and by how much that of B is more. */
export interface ComparedNumber {
  readonly name: string;
  /** Name of the path that it is of; undefined for the whole. */
  readonly path: string | undefined;
  readonly unit: ComparedUnit;
  readonly a: number | null;
  readonly b: number | null;
  /** B less A; null unless both are there. */
  readonly difference: number | null;
}

/** The numbers of two runs against each other: the whole, then path by path; paths are paired by their name. */
export function compareSummaries(a: LabSummary, b: LabSummary): ComparedNumber[] {
  const row = (
    name: string,
    unit: ComparedUnit,
    pick: (summary: LabSummary) => number | null | undefined,
    path?: string,
  ): ComparedNumber => {
    const [ofA, ofB] = [pick(a) ?? null, pick(b) ?? null];
    const difference = ofA === null || ofB === null ? null : ofB - ofA;
    return { name, path, unit, a: ofA, b: ofB, difference };
  };
  const names = [...new Set([...a.paths, ...b.paths].map(({ name }) => name))];
  return [
    row('delivered', 'bytes', (s) => s.bytesDelivered),
    row('complete after', 'ns', (s) => s.completedAtNs),
    row('goodput', 'bit/s', (s) => s.goodputBps),
    row('median answer', 'ns', (s) => s.medianAnswerNs),
    row('longest answer', 'ns', (s) => s.longestAnswerNs),
    row('reinjected', 'bytes', (s) => s.reinjectedBytes),
    row('came twice', 'bytes', (s) => s.repeatedBytes),
    ...names.flatMap((path) => {
      const of = ({ paths }: LabSummary) => paths.find(({ name }) => name === path);
      return [
        row('share', 'share', (s) => of(s)?.share, path),
        row('smoothed RTT', 'ns', (s) => of(s)?.srttNs, path),
        row('packets lost', 'count', (s) => lostPackets(of(s)), path),
        row('chosen', 'count', (s) => of(s)?.chosen, path),
      ];
    }),
  ];
}

function lostPackets(path: LabSummary['paths'][number] | undefined): number | undefined {
  return path && path.droppedPackets + path.lostPackets;
}

/** Whether two paths carry what both together can, with every scheduler and every congestion control. */

import { schedulers } from '../../mptcp/index.js';
import { type Figure, renderFigure } from '../../plot/index.js';
import { congestionControls } from '../../tcp/index.js';
import { atMost, type Check, defineExperiment, equals, type FinishedTrial, type Row } from '../experiment.js';
import { groupBy } from '../group-by.js';
import { published } from './published.js';
import { boundOf, type FlowsOutcome, type FlowsTrial, pathPairs, REDUNDANT, runFlows } from './world.js';

const source =
  'Linux, tools/testing/selftests/net/mptcp/simult_flows.sh, since 2020; of redundant: Frömmgen, Erbshäußer, Buchmann, ' +
  'Zimmermann, Wehrle: ReMP TCP: Low Latency Multipath TCP, IEEE ICC 2016; of coupled congestion control: RFC 6356 §2.1';

/** What everything is run with where it is not the subject. */
const usual = { scheduler: 'lowest-rtt', congestion: 'cubic' } as const;
/** A scheduler and a congestion control, one of them the usual one. */
type Algorithms = Pick<FlowsTrial, 'scheduler' | 'congestion'>;

/** A transfer, and how it went. */
interface Finished {
  readonly input: FlowsTrial;
  readonly output: FlowsOutcome;
}

export const simultFlows = defineExperiment({
  name: 'simult-flows',
  title: 'Two paths together, with every scheduler and congestion control',
  source,
  summary:
    "The kernel's own test of aggregation: 16 MiB one way and 80 KiB the other over two paths of 10 and 10 or 10 and 3 Mbit/s " +
    'with delays of 0 to 25 ms. It must be through within the time that both rates together need, a tenth for headers and ' +
    '450 ms: with every scheduler, but for the redundant one, which does not add paths up and has to be as fast as the better ' +
    'one; and with every congestion control, coupled ones too, since the paths share no bottleneck.',
  parameters: {
    algorithm: {
      kind: 'choice',
      default: 'all',
      choices: ['all', ...new Set([...Object.keys(schedulers), ...Object.keys(congestionControls)])],
      doc: 'one scheduler (with CUBIC) or congestion control (with lowest-rtt), or all',
    },
    direction: {
      kind: 'choice',
      default: 'upload',
      choices: ['upload', 'download'],
      doc: 'which way the 16 MiB go; the client opens the connection',
    },
  },
  small: { algorithm: 'target-based' },
  published,
  columns: [
    { name: 'scheduler', title: 'scheduler', kind: 'text' },
    { name: 'congestion', title: 'congestion control', kind: 'text' },
    { name: 'rates', title: 'rates (Mbit/s)', kind: 'text' },
    { name: 'delays', title: 'delays (ms)', kind: 'text' },
    { name: 'tookMs', title: 'took (ms)', kind: 'number' },
    { name: 'boundMs', title: 'bound (ms)', kind: 'number' },
    { name: 'withinBound', title: 'within', kind: 'boolean' },
  ],
  trial: runFlows,
  live: (finished: readonly FinishedTrial<FlowsTrial, FlowsOutcome>[]) => figureOf(finished),

  async run({ seed, parameters, runTrials }) {
    const { algorithm, direction } = parameters;
    const trials = algorithmsOf(algorithm).flatMap((algorithms) =>
      pathPairs.map((pair): FlowsTrial => ({ ...algorithms, ...pair, direction, seed })),
    );
    const outcomes = await runTrials<FlowsTrial, FlowsOutcome>(trials, nameOf);
    const found = trials.map((input, index) => ({ input, output: outcomes[index]! }));
    return {
      rows: found.map(rowOf),
      figures: { time: renderFigure(figureOf(found)) },
      checks: checksOf(found),
    };
  },
});

/** What is to be run: every scheduler with the usual congestion control, and the other way round. */
function algorithmsOf(name: string): Algorithms[] {
  const all: Algorithms[] = [
    ...Object.keys(schedulers).map((scheduler) => ({ ...usual, scheduler })),
    ...Object.keys(congestionControls)
      // Another name for New Reno, and what the schedulers ran with already.
      .filter((congestion) => congestion !== 'reno' && congestion !== usual.congestion)
      .map((congestion) => ({ ...usual, congestion })),
  ];
  if (name === 'all') return all;
  return [Object.hasOwn(schedulers, name) ? { ...usual, scheduler: name } : { ...usual, congestion: name }];
}

/** What is special about a trial: its scheduler, or its congestion control. */
function subjectOf({ scheduler, congestion }: Algorithms): string {
  return congestion === usual.congestion ? scheduler : congestion;
}

function nameOf(trial: FlowsTrial): string {
  return `${subjectOf(trial)}, ${trial.rates.join('/')} Mbit/s`;
}

function rowOf({ input, output }: Finished): Row {
  const bound = boundOf(input);
  return {
    ...{ scheduler: input.scheduler, congestion: input.congestion },
    ...{ rates: input.rates.join('/'), delays: input.delaysMs.join('/') },
    ...{ tookMs: output.isWhole ? output.tookMs : null, boundMs: bound },
    withinBound: output.isWhole && output.tookMs <= bound,
  };
}

/** The trials by subject. */
function bySubject(found: readonly Finished[]): Map<string, Finished[]> {
  return groupBy(found, ({ input }) => subjectOf(input));
}

/** Largest part of its bound that any of these took. */
function worst(found: readonly Finished[]): number {
  return Math.max(...found.map(({ input, output }) => output.tookMs / boundOf(input)));
}

function checksOf(found: readonly Finished[]): Check[] {
  const wholes = found.filter(({ output }) => output.isWhole).length;
  return [
    equals('everything arrives, intact', wholes, found.length),
    ...[...bySubject(found)].map(([subject, group]) =>
      atMost(
        subject === REDUNDANT
          ? 'redundant: time over the bound for the better path alone, at worst (ICC 2016)'
          : `${subject}: time over the bound, at worst`,
        worst(group),
        1,
      ),
    ),
  ];
}

function figureOf(found: readonly Finished[]): Figure {
  const groups = [...bySubject(found)];
  return {
    kind: 'bars',
    title: 'Time of 16 MiB over two paths',
    caption: `Part of the bound that the slowest of five pairs of paths took; redundant has that of the better path. After ${source}.`,
    x: { label: 'scheduler or congestion control' },
    y: { label: 'time over the bound', low: 0 },
    categories: groups.map(([subject]) => subject),
    groups: [{ name: 'slowest pair', values: groups.map(([, group]) => worst(group)) }],
  };
}

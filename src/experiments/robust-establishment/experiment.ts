/** How long a connection takes to begin when its first path works, is slow, or is dead, with one path tried and several. */

import { MILLISECOND, SECOND } from '../../base/index.js';
import { type Point, renderFigure } from '../../plot/index.js';
import type { RobustEstablishment } from '../../stack/index.js';
import { atMost, type Check, defineExperiment, equals, inMs, type Row, runEach } from '../experiment.js';
import { deliveredPoints } from '../points.js';
import { type TransferOutcome, TransferWorld } from '../transfer.js';

const source =
  'Amend, Rakocevic, Matz, Bogenfeld: RobE: Robust Connection Establishment for Multipath TCP, ANRW 2018; ' +
  'draft-amend-tcpm-mptcp-robe';

/** What the first path is like. */
const scenarios = ['works', 'slow', 'dead'] as const;
/** Which paths the first SYN goes out on: `single` is Multipath TCP as RFC 8684 has it. */
const modes = ['single', 'timeout', 'simultaneous'] as const;

/** How much slower a slow path is. */
const slowness = 20;
/** What a path that is dead for ever is given up at, in ns. */
const patienceNs = 10 * SECOND;

/** One run, measured. */
interface Run {
  readonly scenario: (typeof scenarios)[number];
  readonly mode: (typeof modes)[number];
  readonly outcome: TransferOutcome;
  /** Connections that the server was asked for. */
  readonly attempts: number;
}

interface Parameters {
  readonly rateBps: number;
  readonly delayNs: number;
  readonly timeoutNs: number;
  readonly sizeBytes: number;
}

export const robustEstablishment = defineExperiment({
  name: 'robust-establishment',
  title: 'How long a connection takes to begin when its first path is slow or dead',
  source,
  summary:
    'A client with two paths downloads a file. Its first path works, is twenty times slower than the second, or drops ' +
    'everything. The first SYN goes out on the first path alone (single), on the second one too when no answer has come for ' +
    'a while (timeout), or on both at once (simultaneous); the path that answers first carries the connection, and the ' +
    'other is joined when it can be.',
  parameters: {
    rateBps: { kind: 'rate', default: 10e6, min: 100e3, max: 1e9, doc: 'capacity of each path' },
    delayNs: {
      kind: 'duration',
      default: 10 * MILLISECOND,
      min: MILLISECOND,
      max: 200 * MILLISECOND,
      doc: 'one-way delay',
    },
    timeoutNs: {
      ...{ kind: 'duration', default: 250 * MILLISECOND, min: 10 * MILLISECOND, max: 5 * SECOND },
      doc: 'how long mode timeout waits for the first path',
    },
    sizeBytes: { kind: 'size', default: 500e3, min: 1e3, max: 5e6, doc: 'bytes to download' },
  },
  columns: [
    { name: 'firstPath', title: 'first path', kind: 'text' },
    { name: 'mode', title: 'mode', kind: 'text' },
    { name: 'establishedMs', title: 'established (ms)', kind: 'number' },
    { name: 'downloadMs', title: 'download (ms)', kind: 'number' },
    { name: 'attempts', title: 'connections begun', kind: 'number' },
    { name: 'paths', title: 'paths used', kind: 'number' },
    { name: 'completed', title: 'completed', kind: 'boolean' },
  ],

  async run({ seed, parameters, step }) {
    const variants = scenarios.flatMap((scenario) => modes.map((mode) => ({ scenario, mode })));
    const runs = await runEach(
      step,
      variants,
      ({ scenario, mode }) => `first path ${scenario}, ${mode}`,
      ({ scenario, mode }) => runOnce(parameters, scenario, mode, seed),
    );
    return { rows: runs.map(rowOf), figures: { dead: figureOf(runs) }, checks: checksOf(runs, parameters) };
  },
});

function runOnce(parameters: Parameters, scenario: Run['scenario'], mode: Run['mode'], seed: number): Run {
  const { rateBps, delayNs, timeoutNs, sizeBytes } = parameters;
  const firstDelayNs = scenario === 'slow' ? slowness * delayNs : delayNs;
  const robust: RobustEstablishment =
    mode === 'timeout' ? { mode, delayNs: timeoutNs } : { mode: 'simultaneous' };
  const world = new TransferWorld({
    seed,
    paths: [
      { name: 'first', both: { rateBps, delayNs: firstDelayNs } },
      { name: 'second', both: { rateBps, delayNs } },
    ],
    downloadBytes: sizeBytes,
    untilNs: patienceNs,
    ...(mode !== 'single' && { connect: { robust } }),
  });
  if (scenario === 'dead') world.links[0]!.setState(0, 'blackhole');
  const outcome = world.run();
  return { scenario, mode, outcome, attempts: world.hosts.server.stack.counters.synsAccepted };
}

function establishedNs({ outcome }: Run): number {
  return outcome.client.establishedAtNs ?? Number.POSITIVE_INFINITY;
}

function rowOf(run: Run): Row {
  const { scenario, mode, outcome, attempts } = run;
  const { establishedAtNs, completedAtNs, arrivals, isComplete } = outcome.client;
  const used = (arrivals.at(-1)?.pathBytes ?? []).filter((bytes) => bytes > 0).length;
  return {
    ...{ firstPath: scenario, mode, attempts, paths: used, completed: isComplete },
    establishedMs: inMs(establishedAtNs),
    downloadMs: inMs(completedAtNs),
  };
}

function checksOf(runs: readonly Run[], { delayNs, timeoutNs }: Parameters): Check[] {
  const find = (scenario: Run['scenario'], mode: Run['mode']): Run =>
    runs.find((run) => run.scenario === scenario && run.mode === mode)!;
  const ms = (run: Run): number => establishedNs(run) / MILLISECOND;
  // A SYN and its answer cross in twice the delay; what they take on the link is well below a ms.
  const rttMs = (2 * delayNs) / MILLISECOND + 1;
  return [
    equals('dead first path, single: the connection never begins', ms(find('dead', 'single')), Infinity),
    atMost(
      'dead first path, timeout: established after the timeout and a round trip (ms)',
      ms(find('dead', 'timeout')),
      timeoutNs / MILLISECOND + rttMs,
    ),
    atMost('dead first path, simultaneous: a round trip (ms)', ms(find('dead', 'simultaneous')), rttMs),
    atMost(
      'slow first path, simultaneous: a round trip of the fast one (ms)',
      ms(find('slow', 'simultaneous')),
      rttMs,
    ),
    equals('working first path, timeout: costs no attempt more', find('works', 'timeout').attempts, 1),
    equals(
      'every connection that begins completes',
      runs
        .filter((run) => Number.isFinite(establishedNs(run)))
        .every(({ outcome }) => outcome.client.isComplete),
      true,
    ),
  ].map((check) => (check.value === Infinity ? { ...check, value: 'never', bound: 'never' } : check));
}

function figureOf(runs: readonly Run[]): string {
  const dead = runs.filter(({ scenario }) => scenario === 'dead');
  const endS = Math.max(...dead.map(({ outcome }) => (outcome.client.completedAtNs ?? 0) / SECOND)) * 1.1;
  const points = ({ outcome }: Run): Point[] => {
    const { arrivals } = outcome.client;
    const last = arrivals.at(-1)?.totalBytes ?? 0;
    return [
      ...deliveredPoints(outcome.client),
      { x: Math.max(endS, (arrivals.at(-1)?.atNs ?? 0) / SECOND), y: last },
    ];
  };
  return renderFigure({
    kind: 'xy',
    title: 'A download whose first path is dead',
    caption: `With one path tried nothing ever comes. After ${source}.`,
    x: { label: 'time', unit: 's', low: 0 },
    y: { label: 'delivered', unit: 'B', low: 0 },
    series: dead.map((run) => ({ name: run.mode, kind: 'step', points: points(run) })),
  });
}

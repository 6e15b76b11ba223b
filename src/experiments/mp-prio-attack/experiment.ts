/**
 * The attack on MP_PRIO's address ID: somebody on one path has the other path declared a backup, and all data comes to
 * them. Version 1 removed that form for this reason (RFC 8684 §3.3.8 against RFC 6824 §3.3.8).
 */

import { MILLISECOND, SECOND } from '../../base/index.js';
import { type Point, renderFigure } from '../../plot/index.js';
import {
  atLeast,
  atMost,
  type Check,
  defineExperiment,
  equals,
  inMs,
  type Row,
  runEach,
} from '../experiment.js';
import { goodputPoints } from '../points.js';
import { type PriorityRun, runVariant, variants } from './world.js';

const source =
  'Munir, Qian, Shafiq, Liu, Le: Multipath TCP Attacks and Countermeasures, IEEE ICNP 2017; RFC 7430 (2015)';
/** Width of a bin of the figure, in s. */
const binS = 0.1;

export const priorityAttack = defineExperiment({
  name: 'mp-prio-attack',
  title: 'An attacker on one path turns the other to backup',
  source,
  summary:
    'A download runs over two equal paths. Somebody on the first one, who needs no key, tells the server in the name of the ' +
    "client that the client's other addresses are for backup: an MP_PRIO with an address ID, as version 0 has it. Where " +
    'the server heeds it, all data comes over the path of the attacker from then on. As shipped the form is ignored in ' +
    'version 0 too, and version 1 does not know it.',
  parameters: {
    rateBps: { kind: 'rate', default: 10e6, min: 100e3, max: 1e9, doc: 'capacity of each path' },
    delayNs: {
      kind: 'duration',
      default: 10 * MILLISECOND,
      min: 0,
      max: SECOND,
      doc: 'one-way delay of each path',
    },
    sizeBytes: { kind: 'size', default: 4e6, min: 500e3, max: 200e6, doc: 'bytes to download' },
    attackAtNs: {
      kind: 'duration',
      default: 600 * MILLISECOND,
      min: 0,
      max: 60 * SECOND,
      doc: 'when the attack comes',
    },
  },
  small: { sizeBytes: 3e6 },
  columns: [
    { name: 'version', title: 'version', kind: 'number' },
    { name: 'accepts', title: 'heeds address IDs', kind: 'boolean' },
    { name: 'attacked', title: 'attacked', kind: 'boolean' },
    { name: 'priorityChanges', title: 'priorities changed', kind: 'number' },
    { name: 'otherShare', title: "other path's share after", kind: 'number', digits: 2 },
    { name: 'durationMs', title: 'download (ms)', kind: 'number' },
    { name: 'completed', title: 'completed', kind: 'boolean' },
  ],

  async run({ seed, parameters, step }) {
    const nameOf = (variant: PriorityRun['variant']): string => `version ${variant.version}`;
    const runs = await runEach(step, variants, nameOf, (variant) => runVariant(parameters, variant, seed));
    return {
      rows: runs.map(rowOf),
      figures: { paths: figureOf(runs, parameters.attackAtNs / SECOND) },
      checks: checksOf(runs),
    };
  },
});

function rowOf({ variant, outcome, otherShare, priorityChanges }: PriorityRun): Row {
  const { completedAtNs, isComplete } = outcome.client;
  return { ...variant, priorityChanges, otherShare, durationMs: inMs(completedAtNs), completed: isComplete };
}

function checksOf(runs: readonly PriorityRun[]): Check[] {
  const attacked = runs.filter(({ variant }) => variant.attacked);
  const [hit, ...others] = attacked;
  return [
    equals(
      'every download completes',
      runs.every(({ outcome }) => outcome.client.isComplete),
      true,
    ),
    atLeast('without an attack both paths are used: share of the other one', runs[0]!.otherShare, 0.3),
    atMost(
      'version 0 with the old form heeded: share of the other path after the attack',
      hit!.otherShare,
      0.02,
    ),
    ...others.map(({ variant, otherShare }) =>
      atLeast(
        `version ${variant.version}, form ${variant.accepts ? 'enabled' : 'as shipped'}: share of the other path`,
        otherShare,
        0.3,
      ),
    ),
  ];
}

/** Goodput over one path, in bins. */
function goodput({ outcome }: PriorityRun, path: number, endS: number): Point[] {
  const bins = { originNs: 0, fromS: 0, toS: endS, binS };
  return goodputPoints(outcome.client, ({ pathBytes }) => pathBytes[path] ?? 0, bins);
}

function figureOf(runs: readonly PriorityRun[], attackS: number): string {
  const [, hit, shipped] = runs as [PriorityRun, PriorityRun, PriorityRun];
  const endS = attackS * 2.5;
  return renderFigure({
    kind: 'xy',
    title: 'Goodput by path around an MP_PRIO with an address ID (version 0)',
    caption: `Where the form is heeded the other path falls silent, and the attacker sees every byte. After ${source}.`,
    x: { label: 'time', unit: 's' },
    y: { label: 'goodput', unit: 'bit/s', low: 0 },
    markers: [{ x: attackS, label: 'attack' }],
    series: [
      { name: "heeded: attacker's path", kind: 'step', points: goodput(hit, 0, endS) },
      { name: 'heeded: other path', kind: 'step', points: goodput(hit, 1, endS) },
      { name: 'as shipped: other path', kind: 'step', points: goodput(shipped, 1, endS) },
    ],
  });
}

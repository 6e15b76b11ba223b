/**
 * What a Multipath TCP connection makes of each kind of middlebox, at each place: our stack in virtual time, and the
 * machine's kernel at both ends in real time where it can take part.
 */

import {
  type MiddleboxBehaviour,
  type Placement,
  placements,
  runTrial,
  type TrialOutcome,
  type TrialSetup,
} from '../../network/index.js';
import {
  type Check,
  defineExperiment,
  equals,
  type ExperimentContext,
  type Row,
  runEach,
} from '../experiment.js';
import type { KernelTrialRequest } from '../linux-lab.js';
import { boxParameters, chosenBoxes, chosenFamily } from './choice.js';
import { kernelChecks, notesOnKernel } from './kernel-rows.js';

/** One trial and what came of it. */
interface Tried {
  readonly behaviour: MiddleboxBehaviour;
  readonly placement: Placement;
  readonly stack: 'subflow' | 'linux';
  readonly outcome: TrialOutcome;
}

const parameters = {
  sizeBytes: { kind: 'size', default: 200_000, min: 150_000, max: 10e6, doc: 'bytes sent each way' },
  place: {
    kind: 'choice',
    default: 'all',
    choices: ['all', ...placements],
    doc: 'where the box stands: on the only path, on the first or second of two',
  },
  ...boxParameters,
} as const;

type Context = ExperimentContext<typeof parameters>;

export const middleboxes = defineExperiment({
  name: 'middleboxes',
  title: 'What a connection makes of middleboxes',
  source:
    'Honda et al.: Is it still possible to extend TCP?, IMC 2011; ' +
    'Hesmans et al.: Are TCP extensions middlebox-proof?, HotMiddlebox 2013; Detal et al. (tracebox), IMC 2013',
  summary:
    'A transfer both ways with DSS checksums, through one box, on the only path or on one of two. The reaction is ' +
    'unaffected, subflow closed (lost or not opened, and the connection went on), fell back (to plain TCP, RFC 8684 §3.7) ' +
    'or connection lost. Bytes are intact when none was delivered wrong; what a box writes into the stream after the ' +
    'fall-back it writes into any plain TCP, and the last column says so.',
  parameters,
  small: { place: 'only', family: 'ipv6' },
  columns: [
    { name: 'behaviour', title: 'behaviour', kind: 'text' },
    { name: 'place', title: 'path', kind: 'text' },
    { name: 'stack', title: 'stack', kind: 'text' },
    { name: 'version', title: 'version', kind: 'number' },
    { name: 'checksum', title: 'checksum', kind: 'boolean' },
    { name: 'reaction', title: 'reaction', kind: 'text' },
    { name: 'bytesIntact', title: 'bytes intact', kind: 'boolean' },
    { name: 'changedAsPlainTcp', title: 'changed as plain TCP', kind: 'boolean' },
  ],

  async run(context) {
    const wanted = wantedTrials(context);
    const ours = await runEach(
      context.step,
      wanted,
      ({ behaviour, placement }) => `${behaviour.name}, ${placement}`,
      ({ behaviour, placement }): Tried => {
        const outcome = runTrial(setupOf(context, behaviour, placement));
        return { behaviour, placement, stack: 'subflow', outcome };
      },
    );
    const requests = wanted.map((one) => requestOf(context, one));
    const outcomes = await context.linux?.trials(requests, (done, what) =>
      context.step(done, wanted.length, what),
    );
    const linux = outcomes?.map((outcome, index) => ({ request: requests[index]!, outcome })) ?? [];
    // Side by side: the same box at the same place, one stack below the other.
    const rows = ours.flatMap((tried, index) => [
      rowOf(tried),
      ...linux.slice(index, index + 1).map(({ outcome }) => rowOf({ ...tried, stack: 'linux', outcome })),
    ]);
    const notes = context.linux === undefined ? [context.noLinux] : notesOnKernel(linux);
    return { rows, figures: {}, checks: [...checksOf(ours), ...kernelChecks(linux)], notes };
  },
});

function wantedTrials({
  parameters: { behaviour: name, place },
}: Context): Pick<Tried, 'behaviour' | 'placement'>[] {
  const wanted = placements.filter((placement) => place === 'all' || placement === place);
  return chosenBoxes(name).flatMap((behaviour) => wanted.map((placement) => ({ behaviour, placement })));
}

function setupOf(context: Context, behaviour: MiddleboxBehaviour, placement: Placement): TrialSetup {
  const { family, sizeBytes } = context.parameters;
  return { behaviour, placement, family: chosenFamily(family), bytes: sizeBytes, seed: context.seed };
}

/** The same trial with the kernel at both ends. */
function requestOf(
  context: Context,
  { behaviour, placement }: Pick<Tried, 'behaviour' | 'placement'>,
): KernelTrialRequest {
  return {
    name: `${behaviour.name}, ${placement}, Linux`,
    setup: setupOf(context, behaviour, placement),
    sides: 'both',
    expected: behaviour.expected[placement],
  };
}

function rowOf({ behaviour, outcome, placement, stack }: Tried): Row {
  return {
    behaviour: behaviour.name,
    place: placement,
    stack,
    version: 1,
    checksum: true,
    reaction: outcome.reaction,
    bytesIntact: outcome.bytesIntact,
    changedAsPlainTcp: outcome.changedAsPlainTcp,
  };
}

/** The boxes of some trials, by name and place. */
function namesOf(some: readonly Tried[]): string {
  if (some.length === 0) return 'none';
  return some.map(({ behaviour, placement }) => `${behaviour.name} (${placement})`).join(', ');
}

function wrongOnes(some: readonly Tried[]): string {
  return namesOf(some.filter(({ outcome }) => !outcome.bytesIntact));
}

function checksOf(ours: readonly Tried[]): Check[] {
  const unexpected = ours.filter(
    ({ behaviour, outcome, placement }) => !behaviour.expected[placement].includes(outcome.reaction),
  );
  return [
    equals('boxes to which our stack reacts otherwise than documented', namesOf(unexpected), 'none'),
    equals('boxes through which a wrong byte reached an application of ours', wrongOnes(ours), 'none'),
    equals('transfers of ours that hang', namesOf(ours.filter(({ outcome }) => !outcome.isOver)), 'none'),
  ];
}

/**
 * Every pair of stacks through many boxes, over both versions of IP: a transfer completes or fails cleanly, and no
 * wrong byte is delivered. An experiment rather than a script of its own, so that it has a table, a
 * form for scripts and a seed like everything else that is run.
 */

import {
  isIntact,
  type MiddleboxBehaviour,
  middleboxBehaviour,
  type Reaction,
  runTrial,
  type TrialOutcome,
  type TrialSetup,
} from '../../network/index.js';
import {
  atLeast,
  type Check,
  defineExperiment,
  equals,
  type ExperimentContext,
  type Row,
} from '../experiment.js';
import type { KernelSides, KernelTrialOutcome, KernelTrialRequest } from '../linux-lab.js';
import { kernelChecks, notesOnKernel } from './kernel-rows.js';

/** What may stand at an end. */
const stacks = ['v0', 'v1', 'linux'] as const;
type StackName = (typeof stacks)[number];

/** Boxes of the matrix: one at least of every kind that changes, withholds or adds something. */
const boxes = [
  'nat',
  'nat-rebinding',
  'sequence-rewriting',
  'strip-capable-syn',
  'strip-capable-syn-ack',
  'strip-mptcp',
  'strip-mptcp-eol',
  'strip-mptcp-shorten',
  'strip-mptcp-after-syn',
  'strip-mptcp-later',
  'strip-dss',
  'drop-mptcp-syn',
  'option-echo',
  'split',
  'split-options-first',
  'coalesce-keep-first',
  'coalesce-keep-last',
  'offload-resegmentation',
  'payload-rewriting',
  'payload-lengthening',
  'data-injection',
  'syn-proxy',
  'data-proxy',
  'pre-acking',
  'stateful-firewall',
  'hole-holding',
  'reset-injection',
] as const;

const parameters = {
  sizeBytes: { kind: 'size', default: 150_000, min: 100_000, max: 10e6, doc: 'bytes sent each way' },
  place: {
    kind: 'choice',
    default: 'first',
    choices: ['only', 'first', 'second'],
    doc: 'where the box stands: on the only path, on the first or second of two',
  },
} as const;

type Context = ExperimentContext<typeof parameters>;

/** One cell of the matrix. */
interface Combination {
  readonly client: StackName;
  readonly server: StackName;
  readonly behaviour: MiddleboxBehaviour | undefined;
  readonly family: 4 | 6;
}

export const combinations = defineExperiment({
  name: 'combinations',
  title: 'Every pair of stacks through many middleboxes',
  source: 'RFC 6824, RFC 8684; the boxes after Honda et al., IMC 2011, and Hesmans et al., HotMiddlebox 2013',
  summary:
    'Client and server are each our stack with version 0, our stack with version 1, or the kernel of this machine; between ' +
    'them stands one box, over IPv4 or IPv6. Every transfer must complete or fail with an error: none may hang, and none may ' +
    'deliver a wrong byte while checksums are on. Pairs without the kernel run in virtual time, the others in real time.',
  parameters,
  small: { sizeBytes: 100_000, place: 'only' },
  columns: [
    { name: 'client', title: 'client', kind: 'text' },
    { name: 'server', title: 'server', kind: 'text' },
    { name: 'behaviour', title: 'middlebox', kind: 'text' },
    { name: 'ipv4', title: 'IPv4', kind: 'text' },
    { name: 'ipv6', title: 'IPv6', kind: 'text' },
    { name: 'bytesIntact', title: 'bytes intact', kind: 'boolean' },
  ],

  async run(context) {
    const all = allCombinations().filter(
      ({ client, server }) => context.linux !== undefined || (client !== 'linux' && server !== 'linux'),
    );
    const outcomes = new Map<Combination, TrialOutcome>();
    const simulated = all.filter((one) => sidesOf(one) === undefined);
    for (const one of simulated) {
      await context.step(outcomes.size, all.length, nameOf(one));
      outcomes.set(one, runTrial(setupOf(context, one)));
    }
    const real = all.filter((one) => sidesOf(one) !== undefined);
    const onLinux = await runOnLinux(context, real, (done, what) =>
      context.step(simulated.length + done, all.length, what),
    );
    real.forEach((one, index) => outcomes.set(one, onLinux[index]!));
    const trials = real.map((one, index) => ({ request: requestOf(context, one), outcome: onLinux[index]! }));
    const notes =
      context.linux === undefined
        ? [`Pairs with Linux were left out. ${context.noLinux}`]
        : notesOnKernel(trials);
    const checks = [...checksOf(context, outcomes), ...kernelChecks(trials)];
    return { rows: rowsOf(all, outcomes), figures: {}, checks, notes };
  },
});

function requestOf(context: Context, one: Combination): KernelTrialRequest {
  return {
    name: nameOf(one),
    setup: setupOf(context, one),
    sides: sidesOf(one)!,
    expected: expectedOf(context, one),
  };
}

async function runOnLinux(
  context: Context,
  real: readonly Combination[],
  step: (done: number, what: string) => Promise<void>,
): Promise<readonly KernelTrialOutcome[]> {
  const requests = real.map((one) => requestOf(context, one));
  return requests.length === 0 ? [] : context.linux!.trials(requests, step);
}

/** What is documented for the box between stacks that speak the same version, and plain TCP's fate between others. */
function expectedOf({ parameters: { place } }: Context, one: Combination): readonly Reaction[] {
  const { behaviour, client, server } = one;
  // The kernel speaks version 1 only.
  const isSame = (client === 'v0') === (server === 'v0');
  if (isSame) return behaviour?.expected[place] ?? ['unaffected'];
  // Plain TCP, which has one path: it dies where Multipath TCP loses the subflow.
  const isDeadly = behaviour?.expected.only.includes('connection lost') === true && place !== 'second';
  return isDeadly ? ['connection lost', 'fell back'] : ['fell back'];
}

function allCombinations(): Combination[] {
  const kinds = [undefined, ...boxes.map(middleboxBehaviour)];
  return stacks.flatMap((client) =>
    stacks.flatMap((server) =>
      kinds.flatMap((behaviour) =>
        ([4, 6] as const).map((family) => ({ client, server, behaviour, family })),
      ),
    ),
  );
}

function sidesOf({ client, server }: Combination): KernelSides | undefined {
  if (client === 'linux') return server === 'linux' ? 'both' : 'client';
  return server === 'linux' ? 'server' : undefined;
}

function setupOf({ parameters: { place, sizeBytes }, seed }: Context, one: Combination): TrialSetup {
  const versions = (stack: StackName) => ({ versions: [stack === 'v0' ? (0 as const) : (1 as const)] });
  const { behaviour, client, family, server } = one;
  return {
    ...{ behaviour, family, seed, placement: place, bytes: sizeBytes },
    ...{ client: versions(client), server: versions(server) },
  };
}

function nameOf({ behaviour, client, family, server }: Combination): string {
  return `${client} to ${server} over IPv${family}, ${behaviour?.name ?? 'no box'}`;
}

/** A row for both versions of IP. */
function rowsOf(all: readonly Combination[], outcomes: ReadonlyMap<Combination, TrialOutcome>): Row[] {
  const rows: Row[] = [];
  for (let at = 0; at < all.length; at += 2) {
    const { behaviour, client, server } = all[at]!;
    const [ipv4, ipv6] = [outcomes.get(all[at]!)!, outcomes.get(all[at + 1]!)!];
    rows.push({
      ...{ client, server, behaviour: behaviour?.name ?? 'none' },
      ...{ ipv4: ipv4.reaction, ipv6: ipv6.reaction },
      bytesIntact: ipv4.bytesIntact && ipv6.bytesIntact,
    });
  }
  return rows;
}

function checksOf(context: Context, outcomes: ReadonlyMap<Combination, TrialOutcome>): Check[] {
  const those = (isIt: (outcome: TrialOutcome, one: Combination) => boolean): string =>
    [...outcomes]
      .filter(([one, outcome]) => isIt(outcome, one))
      .map(([one]) => nameOf(one))
      .join('; ') || 'none';
  return [
    atLeast('combinations', outcomes.size, 200),
    equals(
      'that hang',
      those(({ isOver }) => !isOver),
      'none',
    ),
    equals(
      'that deliver a wrong byte to an application on our stack',
      those(
        (outcome, one) =>
          (one.client !== 'linux' && !isIntact(outcome.client, one.behaviour)) ||
          (one.server !== 'linux' && !isIntact(outcome.server, one.behaviour)),
      ),
      'none',
    ),
    equals(
      'that fail without a box, or fall back there between the same versions',
      those(
        ({ reaction }, one) => one.behaviour === undefined && !expectedOf(context, one).includes(reaction),
      ),
      'none',
    ),
    equals(
      'of our stack alone that react otherwise than documented',
      those(
        ({ reaction }, one) => sidesOf(one) === undefined && !expectedOf(context, one).includes(reaction),
      ),
      'none',
    ),
  ];
}

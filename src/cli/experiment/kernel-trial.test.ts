import { beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import type { KernelSides, KernelTrialOutcome, KernelTrialRequest } from '../../experiments/index.js';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../linux/index.js';
import { middleboxBehaviour, type Placement, type Reaction } from '../../network/index.js';
import { KernelLab } from './linux-lab.js';

const allSides = ['both', 'client', 'server'] as const;

function request(
  name: string,
  sides: KernelSides,
  expected: Reaction,
  rest: { readonly placement: Placement; readonly family?: 4 | 6; readonly bytes?: number },
): KernelTrialRequest {
  const setup = { behaviour: middleboxBehaviour(name), ...rest };
  return { name, setup, sides, expected: [expected] };
}

/** Those with a payload that is changed come last: they take longest, and are few. */
const requests: readonly KernelTrialRequest[] = [
  ...allSides.map((sides) => request('drop-mptcp-syn', sides, 'fell back', { placement: 'first' })),
  ...allSides.map((sides) => request('sequence-rewriting', sides, 'unaffected', { placement: 'first' })),
  ...allSides.map((sides) => request('strip-mptcp', sides, 'fell back', { placement: 'only', family: 6 })),
  ...['coalesce-keep-first', 'coalesce-keep-last'].map((name) =>
    request(name, 'both', 'unaffected', { placement: 'only' }),
  ),
  ...(['client', 'server'] as const).map((sides) =>
    request('payload-rewriting', sides, 'subflow closed', { placement: 'second', bytes: 1_000_000 }),
  ),
];

describeWith('a box between kernels', [kernelMptcp(), mayCreateTun(), mayCreateNamespaces()], () => {
  let outcomes: readonly KernelTrialOutcome[];
  // All together and each by itself where it surprises, as the experiments do: each waits most of the time.
  beforeAll(async () => {
    outcomes = await new KernelLab().trials(requests, () => Promise.resolve());
  }, 300_000);

  const outcomeOf = (name: string, sides: KernelSides): KernelTrialOutcome =>
    outcomes[requests.findIndex((each) => each.name === name && each.sides === sides)]!;

  it.each(allSides)('leaves a transfer whole (kernel: %s)', (sides) => {
    const outcome = outcomeOf('sequence-rewriting', sides);
    expect([outcome.reaction, outcome.bytesIntact]).toEqual(['unaffected', true]);
  });

  it.each(allSides)('makes a connection plain TCP by taking options away (kernel: %s)', (sides) => {
    const outcome = outcomeOf('strip-mptcp', sides);
    expect([outcome.reaction, outcome.bytesIntact]).toEqual(['fell back', true]);
  });

  it.each(allSides)('that drops SYNs with options is waited for, not given up (kernel: %s)', (sides) => {
    const outcome = outcomeOf('drop-mptcp-syn', sides);
    expect([outcome.reaction, outcome.isOver]).toEqual(['fell back', true]);
  });

  it.each(['client', 'server'] as const)(
    'has a changed payload found by checksums that the kernel and we agree on (kernel: %s)',
    (sides) => {
      const outcome = outcomeOf('payload-rewriting', sides);
      expect([outcome.reaction, outcome.bytesIntact]).toEqual(['subflow closed', true]);
    },
  );

  it.each(['coalesce-keep-first', 'coalesce-keep-last'])(
    'that merges segments (%s) has the kernel deliver no wrong byte that it does not count itself',
    (name) => {
      const { bytesIntact, countedCorruption, isOver } = outcomeOf(name, 'both');
      expect(isOver).toBe(true);
      expect(bytesIntact || countedCorruption.length > 0).toBe(true);
    },
  );
});

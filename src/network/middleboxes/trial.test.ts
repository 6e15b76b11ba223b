import { describe, expect, it } from 'vitest';
import { fineEnd as fine } from '../../../test/support/trial-end.js';
import { placements } from './behaviour.js';
import { judgeTransfer, type EndObservation } from './reaction.js';
import { middleboxBehaviour, middleboxBehaviours } from './registry.js';
import { runTrial } from './trial.js';

describe('a transfer with DSS checksums through a box', () => {
  it.each(placements)('is unaffected without a box (%s)', (placement) => {
    const { bytesIntact, changedAsPlainTcp, isOver, reaction } = runTrial({
      behaviour: undefined,
      placement,
    });
    expect({ bytesIntact, changedAsPlainTcp, isOver, reaction }).toEqual({
      bytesIntact: true,
      changedAsPlainTcp: false,
      isOver: true,
      reaction: 'unaffected',
    });
  });

  it.each(middleboxBehaviours.map(({ name }) => name))(
    '%s: reacts as documented at every place, delivers no wrong byte, and ends',
    (name) => {
      const behaviour = middleboxBehaviour(name);
      for (const placement of placements) {
        const outcome = runTrial({ behaviour, placement, family: placement === 'first' ? 6 : 4 });
        expect(behaviour.expected[placement]).toContain(outcome.reaction);
        expect(outcome.bytesIntact).toBe(true);
        expect(outcome.isOver).toBe(true);
      }
    },
  );

  it('gives the same outcome for the same setup', () => {
    const setup = { behaviour: middleboxBehaviour('hole-holding'), placement: 'first', seed: 7 } as const;
    expect(runTrial(setup)).toEqual(runTrial(setup));
  });
});

describe('without DSS checksums', () => {
  it('a changed byte is delivered: only a checksum can tell (RFC 8684 §3.3.1)', () => {
    const behaviour = middleboxBehaviour('payload-rewriting');
    const off = { client: { checksum: false }, server: { checksum: false } };
    const outcome = runTrial({ behaviour, placement: 'only', ...off });
    expect(outcome.reaction).toBe('unaffected');
    expect(outcome.bytesIntact).toBe(false);
  });
});

describe('judgeTransfer', () => {
  it('names the worst that either end saw', () => {
    const reaction = (change: Partial<EndObservation>) =>
      judgeTransfer(fine, { ...fine, ...change }, { behaviour: undefined, paths: 2 }).reaction;
    expect(reaction({})).toBe('unaffected');
    expect(reaction({ lostSubflows: 1 })).toBe('subflow closed');
    expect(reaction({ subflows: 1 })).toBe('subflow closed');
    expect(reaction({ isFallback: true, subflows: 1 })).toBe('fell back');
    expect(reaction({ isComplete: false, isFallback: true })).toBe('connection lost');
  });

  it.each(['wrong byte', 'cut short', 'endless'] as const)(
    'takes no stream for intact with: %s',
    (corruption) => {
      const behaviour = middleboxBehaviour('payload-rewriting');
      const judged = judgeTransfer(fine, { ...fine, corruption }, { behaviour, paths: 2 });
      expect(judged.bytesIntact).toBe(false);
    },
  );

  it('lets plain TCP deliver what a box wrote, and nothing else that is not of the peer', () => {
    const changed = { ...fine, isChangedAsPlainTcp: true };
    const through = (name: string) =>
      judgeTransfer(changed, fine, { behaviour: middleboxBehaviour(name), paths: 2 }).bytesIntact;
    expect([through('payload-rewriting'), through('coalesce-keep-first')]).toEqual([true, false]);
  });
});

import { expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { type Capability, unsupportedReason } from '../../linux/index.js';
import { CALLS_PER_TURN, type LoopMember, RelayLoop } from './relay-loop.js';

const reason = unsupportedReason();
const callable: Capability =
  reason === undefined ? { available: true } : { available: false, reason, hint: 'Use Linux.' };

function member(turn: (own: LoopMember) => number): LoopMember {
  const own: LoopMember = { isQueued: false, onReady: () => undefined, turn: () => turn(own) };
  return own;
}

const eventLoopTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describeWith('turns of relayed sockets', [callable], () => {
  it('go round, and leave the event loop its own however many have theirs', async () => {
    const loop = new RelayLoop();
    const turns = new Array<number>(500).fill(0);
    let calls = 0;
    turns.forEach((_, i) => {
      const busy = member((own) => {
        turns[i]!++;
        calls += CALLS_PER_TURN;
        if (turns[i]! < 4) loop.queue(own);
        return CALLS_PER_TURN;
      });
      loop.queue(busy);
    });
    let most = 0;
    for (let rounds = 0; rounds < 1000 && turns.some((count) => count < 4); rounds++) {
      calls = 0;
      await eventLoopTurn();
      most = Math.max(most, calls);
      expect(Math.max(...turns) - Math.min(...turns)).toBeLessThanOrEqual(1);
    }
    expect(turns.every((count) => count === 4)).toBe(true);
    expect(most).toBeLessThanOrEqual(1024);
  });

  it('are had by the others too where somebody who is told throws', async () => {
    const loop = new RelayLoop();
    const had: string[] = [];
    const names = ['first', 'second', 'third'];
    for (const name of names) {
      const own = member(() => {
        had.push(name);
        if (name === 'first') throw new Error('of a listener');
        return 1;
      });
      loop.queue(own);
    }
    const before = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[];
    process.removeAllListeners('uncaughtException');
    const thrown: string[] = [];
    process.once('uncaughtException', (error) => thrown.push(error.message));
    await expect.poll(() => had).toEqual(names);
    for (const listener of before) process.on('uncaughtException', listener);
    expect(thrown).toEqual(['of a listener']);
  });
});

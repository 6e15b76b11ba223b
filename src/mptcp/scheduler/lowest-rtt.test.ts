import { describe, expect, it } from 'vitest';
import type { Subflow } from '../subflow.js';
import { lowestRtt } from './lowest-rtt.js';
import type { ScheduleContext } from './scheduler.js';

interface Kind {
  readonly srttNs?: number;
  readonly room?: number;
  readonly isBackup?: boolean;
  readonly isStale?: boolean;
  readonly state?: Subflow['state'];
}

function subflow({
  srttNs = 1,
  room = 1000,
  isBackup = false,
  isStale = false,
  state = 'active',
}: Kind): Subflow {
  const sendRoomBytes = (): number => (state === 'active' ? room : 0);
  return { state, isBackup, isStale, tcp: { rtt: { srttNs } }, sendRoomBytes } as unknown as Subflow;
}

/** Index of the subflow chosen; -1 for none. */
function choose(kinds: readonly Kind[], ...failed: readonly number[]): number {
  const subflows = kinds.map(subflow);
  const context: ScheduleContext = {
    now: 0,
    purpose: failed.length === 0 ? 'new' : 'reinjection',
    dataOffset: 1,
    pendingBytes: 1000,
    windowBytes: 1000,
    peerWindowBytes: 1000,
    windowBlocks: 0,
    failed: failed.map((index) => subflows[index]!),
  };
  const chosen = lowestRtt().select(subflows, context);
  return chosen === undefined ? -1 : subflows.indexOf(chosen);
}

describe('lowest RTT first', () => {
  it('takes the quickest subflow that has room', () => {
    expect(choose([{ srttNs: 30 }, { srttNs: 10 }, { srttNs: 20 }])).toBe(1);
    expect(choose([{ srttNs: 30 }, { srttNs: 10, room: 0 }, { srttNs: 20 }])).toBe(2);
    expect(choose([{ room: 0 }])).toBe(-1);
  });

  it('takes a backup only while no regular subflow is usable, not while those are merely full', () => {
    expect(choose([{ srttNs: 1, isBackup: true }, { srttNs: 100 }])).toBe(1);
    expect(
      choose([
        { srttNs: 1, isBackup: true },
        { srttNs: 100, room: 0 },
      ]),
    ).toBe(-1);
    expect(
      choose([{ isBackup: true }, { state: 'opening' }, { state: 'closing' }, { state: 'joining' }]),
    ).toBe(0);
    expect(choose([{ isBackup: true }, { isStale: true }])).toBe(0);
  });

  it('takes a stale subflow when there is no other', () => {
    expect(choose([{ isStale: true, srttNs: 1 }, { srttNs: 100 }])).toBe(1);
    expect(choose([{ isStale: true }])).toBe(0);
  });

  it('sends again on another subflow than the one that failed, if there is one', () => {
    expect(choose([{ srttNs: 1 }, { srttNs: 100 }], 0)).toBe(1);
    expect(choose([{ isStale: true }, { isStale: true, srttNs: 100 }], 0)).toBe(1);
    expect(choose([{ srttNs: 1 }, { isStale: true }], 0)).toBe(0);
    expect(choose([{ srttNs: 1 }], 0)).toBe(0);
  });
});

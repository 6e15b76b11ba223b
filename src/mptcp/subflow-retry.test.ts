import { describe, expect, it } from 'vitest';
import { ResetReason } from './reset-reason.js';
import { restFactor } from './subflow-retry.js';
import type { SubflowLoss } from './subflow-retry.js';

function loss(overrides: Partial<SubflowLoss>): SubflowLoss {
  return {
    closeReason: 'reset',
    resetReason: undefined,
    resetTransient: false,
    wasOpened: true,
    isToAnnounced: false,
    ...overrides,
  };
}

describe('a subflow that ended', () => {
  it('is not opened again after a permanent MP_TCPRST, whatever its reason (RFC 8684 §3.6)', () => {
    for (let resetReason = 0; resetReason < 256; resetReason++) {
      expect(restFactor(loss({ resetReason }))).toBe(Infinity);
    }
  });

  it('is never opened again where it was prohibited or broke the protocol, transient or not', () => {
    for (const resetReason of [ResetReason.PROHIBITED, ResetReason.MPTCP_ERROR]) {
      expect(restFactor(loss({ resetReason, resetTransient: true }))).toBe(Infinity);
    }
  });

  it('may be opened again after any other transient MP_TCPRST, the sooner the less its reason lasts', () => {
    const rest = (resetReason: number): number => restFactor(loss({ resetReason, resetTransient: true }));
    expect(rest(ResetReason.OUTSTANDING_DATA)).toBeLessThan(rest(ResetReason.UNSPECIFIED));
    expect(rest(ResetReason.UNSPECIFIED)).toBeLessThan(rest(ResetReason.LACK_OF_RESOURCES));
    expect(rest(ResetReason.LACK_OF_RESOURCES)).toBe(rest(ResetReason.UNACCEPTABLE_PERFORMANCE));
    expect(rest(ResetReason.MIDDLEBOX)).toBe(rest(ResetReason.UNACCEPTABLE_PERFORMANCE));
    for (let reason = 0; reason < 256; reason++) expect(rest(reason)).toBeGreaterThan(0);
    expect(rest(200)).toBe(1);
  });

  it('may be opened again when nothing was said: lost to time-outs, closed, unreachable, plainly reset', () => {
    for (const closeReason of ['timeout', 'normal', 'unreachable', 'reset', 'aborted'] as const) {
      expect(restFactor(loss({ closeReason }))).toBe(1);
    }
  });

  it('towards an announced address is tried once, and rests until it is announced again (RFC 8684 §3.4.1)', () => {
    for (const closeReason of ['timeout', 'refused', 'unreachable'] as const) {
      const failed = { closeReason, wasOpened: false };
      expect(restFactor(loss({ ...failed, isToAnnounced: true }))).toBe(Infinity);
      expect(restFactor(loss(failed))).toBe(1);
      const busy = { resetReason: ResetReason.LACK_OF_RESOURCES, resetTransient: true };
      expect(restFactor(loss({ ...failed, isToAnnounced: true, ...busy }))).toBeLessThan(Infinity);
    }
  });
});

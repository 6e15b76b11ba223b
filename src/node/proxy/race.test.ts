import { describe, expect, it, vi } from 'vitest';
import { netError } from '../net-error.js';
import { type Attempt, race, type RaceRules } from './race.js';

/** Attempts that are begun, by number, and how to end them; `late` are the connections that were discarded. */
function makeRace(count: number, more: Partial<RaceRules<string>> = {}) {
  const begun: { signal: AbortSignal; resolve(value: string): void; reject(error: Error): void }[] = [];
  const late: string[] = [];
  const attempt: Attempt<string> = (signal) =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
      begun.push({ signal, resolve, reject });
    });
  const controller = new AbortController();
  const rules = { headStartMs: 20, discard: (each: string) => void late.push(each), ...more };
  const attempts = Array.from({ length: count }, () => attempt);
  return { begun, late, controller, result: race(attempts, controller.signal, rules) };
}

const fault = (code: string): Error => netError(code, 'connect');

describe('a race for a connection (RFC 8305 §5)', () => {
  it('begins the next attempt when one fails, and one that has not ended for a while goes on beside it', async () => {
    const { begun, result } = makeRace(3);
    begun[0]!.reject(fault('ECONNREFUSED'));
    await vi.waitUntil(() => begun.length >= 2);
    await vi.waitUntil(() => begun.length === 3);
    expect(begun[1]!.signal.aborted).toBe(false);
    begun[1]!.resolve('second');
    expect(await result).toBe('second');
    expect(begun[2]!.signal.aborted).toBe(true);
  });

  it('discards what comes too late', async () => {
    const { begun, late, result } = makeRace(2);
    await vi.waitUntil(() => begun.length >= 2);
    begun[1]!.resolve('one');
    begun[0]!.resolve('other');
    expect(await result).toBe('one');
    expect(late).toEqual(['other']);
  });

  it('rejects with the error that says most when all have failed', async () => {
    const { begun, result } = makeRace(3, { headStartMs: 0 });
    await vi.waitUntil(() => begun.length === 3);
    for (const [i, code] of ['ENETUNREACH', 'ECONNREFUSED', 'EHOSTUNREACH'].entries())
      begun[i]!.reject(fault(code));
    await expect(result).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('ends with an error that no other way would change', async () => {
    const { begun, result } = makeRace(2, { isFinal: ({ message }) => message.includes('ECONNREFUSED') });
    await vi.waitUntil(() => begun.length >= 2);
    begun[1]!.reject(fault('ECONNREFUSED'));
    await expect(result).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(begun[0]!.signal.aborted).toBe(true);
  });

  it.each([1, 2])('ends all of %s attempts when it is given up', async (count) => {
    const { begun, controller, result } = makeRace(count, { headStartMs: 0 });
    await vi.waitUntil(() => begun.length === count);
    controller.abort(fault('ECANCELED'));
    await expect(result).rejects.toMatchObject({ code: 'ECANCELED' });
    expect(begun.every(({ signal }) => signal.aborted)).toBe(true);
  });
});

import { closeSync, writeSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { describeWith } from '../../test/support/with-rights.js';
import { eventDescriptor, unsupportedReason } from './libc.js';
import { Readiness, type ReadinessListener, ReadinessSet } from './readiness.js';

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

const reason = unsupportedReason();
const callable =
  reason === undefined
    ? { available: true as const }
    : { available: false as const, reason, hint: 'Use Linux.' };

/** A descriptor that is readable once it is rung. */
function bell(): { readonly fd: number; ring(): void } {
  const fd = eventDescriptor();
  return { fd, ring: () => void writeSync(fd, new BigUint64Array([1n])) };
}

function listener(told: string[], name: string, then: () => void = () => undefined): ReadinessListener {
  return {
    onReady(what) {
      const [mayRead, mayWrite] = [what & Readiness.READ, what & Readiness.WRITE];
      told.push(`${name}${mayRead === 0 ? '' : ' read'}${mayWrite === 0 ? '' : ' write'}`);
      then();
    },
  };
}

describeWith('a set of descriptors', [callable], () => {
  it('tells what is possible, once until it changes', () => {
    const set = new ReadinessSet(() => undefined);
    const { fd, ring } = bell();
    open.push(
      () => closeSync(fd),
      () => set.close(),
    );
    const told: string[] = [];
    expect(set.add(fd, listener(told, 'a'))).toBe(0);
    expect(set.take()).toBe(1);
    expect(told).toEqual(['a write']);
    set.take();
    expect(told).toHaveLength(1);
    ring();
    set.take();
    expect(told).toEqual(['a write', 'a read write']);
    expect(set.take()).toBe(0);
    expect(set.add(fd, listener(told, 'again'))).toBeLessThan(0);
    expect(set.size).toBe(1);
    set.remove(fd);
    ring();
    expect([set.size, set.take()]).toEqual([0, 0]);
    expect(set.add(fd, listener(told, 'again'))).toBe(0);
  });

  it('calls from the event loop when there is something to take', async () => {
    const told: string[] = [];
    const set = new ReadinessSet(() => set.take());
    const { fd, ring } = bell();
    open.push(
      () => closeSync(fd),
      () => set.close(),
    );
    set.add(fd, listener(told, 'a'));
    await expect.poll(() => told).toEqual(['a write']);
    ring();
    await expect.poll(() => told).toEqual(['a write', 'a read write']);
  });

  it('does not tell whoever has a descriptor now what was ready at it before', () => {
    const set = new ReadinessSet(() => undefined);
    open.push(() => set.close());
    const told: string[] = [];
    const [one, two] = [bell(), bell()];
    let isSwapped = false;
    const swap = (own: number, other: number) => (): void => {
      if (isSwapped) return;
      isSwapped = true;
      set.forget(other);
      closeSync(other);
      const { fd } = bell();
      // The lowest number that is free.
      expect(fd).toBe(other);
      set.add(fd, listener(told, 'new'));
      open.push(
        () => closeSync(own),
        () => closeSync(fd),
      );
    };
    set.add(one.fd, listener(told, 'old', swap(one.fd, two.fd)));
    set.add(two.fd, listener(told, 'old', swap(two.fd, one.fd)));
    one.ring();
    two.ring();
    set.take();
    expect(told).toEqual(['old read write']);
    set.take();
    expect(told).toEqual(['old read write', 'new write']);
  });
});

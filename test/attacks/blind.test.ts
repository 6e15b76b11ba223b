/** Attacks by somebody who sees nothing: resets and SYNs across the sequence space (RFC 5961), SYN floods (RFC 4987). */

import { describe, expect, it } from 'vitest';
import { blindReset, blindSyn, synFlood } from '../../src/experiments/index.js';

describe.each([
  ['RSTs', blindReset],
  ['SYNs', blindSyn],
])('%s all over the sequence space', (_name, attack) => {
  const [before, after] = attack(1);

  it('contain one that RFC 793 would have believed', () => {
    expect(before!.harm).toBeGreaterThan(0);
  });

  it('end nothing (RFC 5961 §3.2, §4.2)', () => {
    expect(after).toMatchObject({ harm: 0, completed: true });
  });
});

describe('a SYN flood', () => {
  const [before, after] = synFlood(1);

  it('fills a host without cookies, and the client stays outside', () => {
    expect(before).toMatchObject({ harm: 2048, completed: false });
  });

  it('leaves a host with cookies room, and the client gets in', () => {
    expect(after).toMatchObject({ completed: true });
    expect(after!.harm).toBeLessThanOrEqual(1024);
  });
});

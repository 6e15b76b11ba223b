import { describe, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { descriptorLimit, openDescriptors, pipesWithin, unsupportedReason } from '../../linux/index.js';
import { DescriptorBudget } from './descriptor-budget.js';

describe('descriptors for clients and their servers', () => {
  it('are two for each client, beside those of others, as the limit is at the time', () => {
    let limit = 46;
    const budget = new DescriptorBudget(() => limit, 40);
    expect([budget.take(), budget.take(), budget.take(), budget.take()]).toEqual([true, true, true, false]);
    budget.release();
    expect([budget.take(), budget.take()]).toEqual([true, false]);
    limit = 48;
    expect([budget.take(), budget.take()]).toEqual([true, false]);
  });

  it('leave those of the pipes that bulk may have, which are few where there are few descriptors', () => {
    expect([80, 1024, 1_000_000, Infinity].map(pipesWithin)).toEqual([1, 16, 256, 256]);
    const budget = new DescriptorBudget(() => 1024, 60);
    let clients = 0;
    while (budget.take()) clients++;
    expect(2 * clients + 60 + 2 * pipesWithin(1024)).toBe(1024);
  });
});

const reason = unsupportedReason();
const linux =
  reason === undefined
    ? { available: true as const }
    : { available: false as const, reason, hint: 'Use Linux.' };

describeWith('the limit of this process', [linux], () => {
  it('is more than it has open', () => {
    expect(openDescriptors()).toBeGreaterThan(3);
    expect(descriptorLimit()).toBeGreaterThan(openDescriptors());
    expect(new DescriptorBudget().take()).toBe(true);
  });
});

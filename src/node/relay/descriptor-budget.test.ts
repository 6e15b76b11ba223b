import { describe, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { descriptorLimit, openDescriptors, unsupportedReason } from '../../linux/index.js';
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

import { describe, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { MILLISECOND } from '../../base/index.js';
import { findExperiment, runExperiment, type TransferSetup } from '../../experiments/index.js';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../linux/index.js';
import { packetFunction } from '../../network/index.js';
import { defaultMptcpSettings } from '../../mptcp/index.js';
import { KernelLab } from './linux-lab.js';

const path = { both: { rateBps: 50e6, delayNs: 5 * MILLISECOND } };
const setup: TransferSetup = {
  seed: 5,
  paths: [
    { name: 'first', ...path },
    { name: 'second', ...path },
  ],
  uploadBytes: 200_000,
  downloadBytes: 1_000_000,
};

describeWith('the kernel in experiments', [kernelMptcp(), mayCreateTun(), mayCreateNamespaces()], () => {
  it.each(['client', 'server', 'both'] as const)(
    'carries a transfer as %s over both paths',
    async (sides) => {
      const outcome = await new KernelLab().transfer(setup, sides);
      expect(outcome.client).toMatchObject({
        isComplete: true,
        bytesDelivered: 1_000_000,
        isMultipath: true,
      });
      expect(outcome.server).toMatchObject({ isComplete: true, bytesDelivered: 200_000, isMultipath: true });
      for (const bytes of outcome.pathBytes) expect(bytes).toBeGreaterThan(10_000);
    },
  );

  it('stands beside our stack in the table of a handover', async () => {
    const report = await runExperiment(findExperiment('fast-handover'), {
      linux: new KernelLab(),
      parameters: { sizeBytes: 3e6, runs: 1 },
    });
    const rows = report.rows.filter(({ detection }) => detection === 'kernel');
    expect(rows.map(({ mode, completed }) => [mode, completed])).toEqual([
      ['full', 1],
      ['backup', 1],
    ]);
    expect(report.notes.join()).toMatch(/Linux \d/);
  });

  it('speaks plain TCP where it is told to, and the boxes see its packets', async () => {
    let seen = 0;
    const outcome = await new KernelLab().transfer(
      {
        ...setup,
        client: { mptcp: { ...defaultMptcpSettings, enabled: false } },
        paths: [
          {
            ...{ name: 'only', ...path },
            box: () =>
              packetFunction((packet) => {
                seen++;
                return [packet];
              }),
          },
        ],
      },
      'both',
    );
    expect(outcome.client).toMatchObject({ isComplete: true, isMultipath: false });
    expect(seen).toBeGreaterThan(100);
  });
});

describe('the name of the kernel', () => {
  it('is its release', () => {
    expect(new KernelLab().kernel).toMatch(/^\d+\.\d+/);
  });
});

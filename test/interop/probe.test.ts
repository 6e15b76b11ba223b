/**
 * The probe on real packets: every scenario against Linux, whose reactions are the table of known ones, and against our own
 * servers of both versions.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayOpenRawSockets } from '../../src/linux/index.js';
import { compare, judge, knownStacks, scenarios } from '../../src/probe/index.js';
import { ProbeLab } from '../support/probe-lab.js';
import { describeWith } from '../support/with-rights.js';

const rights = [mayCreateNamespaces(), mayOpenRawSockets(), kernelMptcp()];
const names = scenarios.map(({ name }) => name);
const linux = knownStacks.find(({ name }) => name === 'linux')!.reactions;

describeWith('Linux, probed', rights, () => {
  let lab: ProbeLab;
  beforeAll(() => {
    lab = new ProbeLab();
    lab.serveByKernel();
  });
  afterAll(() => lab.close());

  it.each(names.flatMap((name) => [[name, 4] as const, [name, 6] as const]))(
    'reacts to %s over IPv%i as the table of known reactions says',
    async (name, family) => {
      const result = await lab.run(name, 1, family);
      expect(result.reaction).toBe(linux[1]![name]);
      expect(compare(result).find(({ stack }) => stack === 'linux')).toMatchObject({ isSame: true });
      // The kernel of the probe's own side kept out of it.
      expect(lab.client.counters().get('TcpOutRsts')).toBe(0);
    },
  );

  it.each(names)('reacts to %s of version 0 as the table of known reactions says', async (name) => {
    expect((await lab.run(name, 0, 4)).reaction).toBe(linux[0]![name]);
  });

  it.each([4, 6] as const)('supports version 1 in full and no version 0 over IPv%i', async (family) => {
    const results = [await lab.run('compliant', 1, family), await lab.run('compliant', 0, family)];
    expect(results[1]!.reaction).toBe('plain-tcp');
    expect(judge(results)).toMatchObject({ support: 'full', versions: [1], remarks: [] });
  });
});

describeWith('a plain TCP server of Linux, probed', rights, () => {
  it('has no support', async () => {
    const lab = new ProbeLab();
    lab.serveByKernel('tcp');
    expect(judge([await lab.run('compliant', 1, 4)]).support).toBe('none');
    lab.close();
  });
});

for (const version of [0, 1] as const) {
  describeWith(`our server of version ${version}, probed`, rights, () => {
    let lab: ProbeLab;
    beforeAll(async () => {
      lab = new ProbeLab();
      await lab.serveByUs({ versions: [version] });
    });
    afterAll(() => lab.close());

    it.each([4, 6] as const)('supports its version in full over IPv%i', async (family) => {
      const result = await lab.run('compliant', version, family);
      expect(judge([result])).toMatchObject({ support: 'full', versions: [version] });
    });

    it.each(names.filter((name) => !['no-dss-checksum', 'join-before-data'].includes(name)))(
      'reacts to %s as stacks that are known, or with good reason otherwise',
      async (name) => {
        const result = await lab.run(name, version, 4);
        // Linux takes data with a wrong echo of its key; our server does not.
        const expected = name === 'invalid-key' && version === 1 ? 'fell-back' : linux[1]![name];
        const without = name === 'add-address' && version === 0 ? 'ignored' : expected;
        expect(result.reaction).toBe(without);
      },
    );
  });
}

import { release } from 'node:os';
import { expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../src/linux/index.js';
import { describeWith } from '../support/with-rights.js';
import { runOnLinux } from './runner/linux-runs.js';
import { scriptFiles } from './runner/scripts.js';
import { readDeviations } from './table.js';

/** What is quick, and does not hang on the times of the kernel's own policy. */
const subset = /^rfc8684\/3\.[12]-|^rfc8684\/3\.(4\.1|5|6)-|^rfc5961\/[345]|^rfc7323\/[23]|^rfc9293\/3\.5/;

describeWith('Linux', [kernelMptcp(), mayCreateTun(), mayCreateNamespaces()], () => {
  it('does what the scripts say, but for the differences that are recorded', async () => {
    const { linux, linuxRelease } = readDeviations();
    const files = scriptFiles().filter((file) => subset.test(file));
    const results = await runOnLinux(files, (file) => file in linux);
    const surprises = [...results]
      .filter(([file, outcome]) => outcome !== undefined && !(file in linux))
      .map(([file, outcome]) => `${file}: ${outcome}`);
    expect(results.size).toBeGreaterThan(50);
    // Some differences are of time, and the kernel's timers may fall on either side of a bound: those come and go.
    const vanished = [...results].filter(([file, outcome]) => outcome === undefined && file in linux);
    expect(vanished.length).toBeLessThan(5);
    // Another kernel may differ in a few more or fewer points; the list is that of one release.
    const isRecorded = release().startsWith(`${linuxRelease}.`);
    if (isRecorded) expect(surprises).toEqual([]);
    else expect(surprises.length).toBeLessThan(results.size / 5);
  });
});

import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { type Capability, descriptorLimit, openDescriptors, unsupportedReason } from '../../linux/index.js';
import { listenForRelay } from './listener.js';

const reason = unsupportedReason();
const callable: Capability =
  reason === undefined ? { available: true } : { available: false, reason, hint: 'Use Linux.' };

/** Runs `action` while this process has no descriptor left. */
function withoutDescriptors(action: () => void): void {
  const limit = (count: string): void =>
    void execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${count}:`]);
  const before = descriptorLimit();
  limit(String(openDescriptors() + 20));
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    action();
  } finally {
    for (const fd of taken) closeSync(fd);
    limit(before === Infinity ? 'unlimited' : String(before));
  }
}

describeWith('a listener of a relay', [callable], () => {
  it('leaves its address to others where it cannot serve for want of descriptors', () => {
    const place = { host: '127.0.0.1', isPlain: true };
    const nobody = { onArrival: () => undefined, onShortage: () => undefined };
    const listener = listenForRelay({ ...place, port: 0 });
    withoutDescriptors(() => {
      expect(() => listener.serve(nobody)).toThrow(expect.objectContaining({ code: 'EMFILE' }) as Error);
    });
    const { port } = listener.address;
    const again = listenForRelay({ ...place, port });
    again.serve(nobody);
    again.close();
  });
});

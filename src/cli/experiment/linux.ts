/** The machine's own kernel for experiments. */

import { mayRunOnLinux } from '../demo/linux.js';

/** Why the kernel takes no part, in a sentence. */
export function openLinuxLab(): string {
  const capability = mayRunOnLinux();
  if (!capability.available) return `Without the kernel: ${capability.reason}. ${capability.hint}`;
  return 'Without the kernel: its runs are not wired to experiments.';
}

/** Whether the machine's own kernel may take part in experiments. */

import type { LinuxLab } from '../../experiments/index.js';
import { mayRunOnLinux } from '../demo/linux.js';
import { KernelLab } from './linux-lab.js';

/** The kernel as a subject, or a sentence that says why it cannot be one here. */
export function openLinuxLab(): LinuxLab | string {
  const capability = mayRunOnLinux();
  if (capability.available) return new KernelLab();
  return `Without the kernel: ${capability.reason}. ${capability.hint}`;
}

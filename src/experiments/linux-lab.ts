/**
 * The machine's own kernel as a subject of experiments, as far as experiments need to know of it. Implemented above,
 * where there is a machine; absent without the rights.
 */

import type { TrialOutcome, TrialSetup } from '../network/index.js';
import type { TransferOutcome, TransferSetup } from './transfer.js';

/** Which of the two hosts run on the kernel's stack; the others run on ours. */
export type KernelSides = 'client' | 'server' | 'both';

/** A kernel with Multipath TCP, and the rights to give it hosts of its own. */
export interface LinuxLab {
  /** Its release, such as `6.18.5`. */
  readonly kernel: string;
  /**
   * The same transfer as `runTransfer` with the kernel at one end or both, over the same emulated links and boxes, in
   * real time. Settings of a host that is on the kernel are not applied, but for `mptcp.enabled` and `mptcp.checksum`.
   */
  transfer(setup: TransferSetup, sides: KernelSides): Promise<TransferOutcome>;
  /**
   * The same transfer through a box as `runTrial` with the kernel at one end or both, in real time. One that makes no
   * progress for some seconds counts as lost. Of the settings of a host on the kernel only `checksum` is applied.
   */
  trial(setup: TrialSetup, sides: KernelSides): Promise<TrialOutcome>;
}

/**
 * The machine's own kernel as a subject of experiments, as far as experiments need to know of it. Implemented above,
 * where there is a machine; absent without the rights.
 */

import type { Reaction, Side, TrialOutcome, TrialSetup } from '../network/index.js';
import type { TransferOutcome, TransferSetup } from './transfer.js';

/** Which of the two hosts run on the kernel's stack; the others run on ours. */
export type KernelSides = 'client' | 'server' | 'both';

/** A transfer through a box with the kernel at one end or both. */
export interface KernelTrialRequest {
  /** For people: what is being run. */
  readonly name: string;
  /** Of the settings of a host on the kernel only `checksum` is applied. */
  readonly setup: TrialSetup;
  readonly sides: KernelSides;
  /** Reactions that surprise nobody. Any other is believed only when the trial, run again by itself, says so too. */
  readonly expected: readonly Reaction[];
}

/** What came of a {@link KernelTrialRequest}. */
export interface KernelTrialOutcome extends TrialOutcome {
  /**
   * Sides whose kernel counted what spoils a stream: that it took data which no mapping covers
   * (`MPTcpExtDSSCorruption*`), or threw data of plain TCP away as old (`MPTcpExtDuplicateData`).
   */
  readonly countedCorruption: readonly Side[];
  /** Times that it was run: more than once where the first outcome surprised. */
  readonly runs: number;
}

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
   * The same transfers through boxes as `runTrial` with the kernel at one end or both, in real time, some side by side;
   * outcomes in the order of `requests`. `step` is called now and then with how many are done and what is next. One where
   * nothing moves for some seconds, no byte and no packet, counts as lost.
   */
  trials(
    requests: readonly KernelTrialRequest[],
    step: (done: number, what: string) => Promise<void>,
  ): Promise<KernelTrialOutcome[]>;
}

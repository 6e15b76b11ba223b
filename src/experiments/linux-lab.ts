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

/** How a client gets to a server. */
export type ProxyWay = 'direct' | 'socks 5' | 'http connect' | 'socks 6' | 'converter';

/** A visit of a client to a server: a connection, one request, one answer. */
export interface ProxyVisitRequest {
  readonly way: ProxyWay;
  /** Whether the client uses Fast Open, with a cookie that it was given before; so does the proxy where the client may ask it to. */
  readonly hasCookie: boolean;
}

/** A packet of a visit, seen where the one who opened the connection is. */
export interface WirePacket {
  /** Whether the one who opened the connection sent it, or the one who took it. */
  readonly from: 'client' | 'peer';
  readonly isSyn: boolean;
  readonly payloadBytes: number;
  /** Its sequence number; a SYN takes one (RFC 9293 §3.4). */
  readonly sequence: number;
  /** Whether the server's answer is in it. */
  readonly hasAnswer: boolean;
}

/** The packets of a visit, in the order in which they passed. */
export interface ProxyVisit {
  /** At the client. */
  readonly near: readonly WirePacket[];
  /** At the proxy, of its connection to the server; undefined where there is no proxy. */
  readonly beyond: readonly WirePacket[] | undefined;
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
  /**
   * Visits one after the other, through proxies and a converter of ours, with client, proxy and server on the kernel; outcomes
   * in the order of `requests`. `step` is called before each.
   */
  proxyVisits(
    requests: readonly ProxyVisitRequest[],
    step: (done: number, what: string) => Promise<void>,
  ): Promise<ProxyVisit[]>;
}

/**
 * What is to become of a packet, as a value that is used again for every packet. Owns the actions, the reasons and their
 * stable names; whoever moves packets carries a verdict out, and never asks why.
 */
import type { Server } from './servers.js';

/** What is to be done with a packet. */
export const VerdictAction = {
  /** No packet of a service of this balancer: the host that the balancer runs on deals with it as if there was none. */
  PASS: 0,
  /** To {@link Verdict.server}, as it is. */
  DELIVER: 1,
  /** To {@link Verdict.server} within another IP packet, which tells who had the flow before: see encapsulation.ts. */
  ENCAPSULATE: 2,
  /** Nowhere, without a word. */
  DROP: 3,
  /** Nowhere, and the sender may be told by a reset, at a bounded rate: there is nobody to take it. */
  REFUSE: 4,
} as const;

/** One of {@link VerdictAction}. */
export type VerdictActionCode = (typeof VerdictAction)[keyof typeof VerdictAction];

/** Names of the actions, by number. */
export const verdictActionNames = ['pass', 'deliver', 'encapsulate', 'drop', 'refuse'] as const;

/** Why a packet is not forwarded. */
export const VerdictReason = {
  /** It is forwarded. */
  NONE: 0,
  /** PASS: the destination is no address of a service. */
  NOT_OURS: 1,
  /** PASS: neither TCP nor an error about TCP. */
  NOT_TCP: 2,
  /** DROP: the IP headers make no sense. */
  MALFORMED_IP: 3,
  /** DROP: a piece of a packet; only the first piece has ports, so that none is taken. */
  FRAGMENT: 4,
  /** DROP: an IPv6 routing header that has places left to visit. */
  SOURCE_ROUTED: 5,
  /** DROP: an encapsulated packet for an address of a service. Servers trust encapsulation; clients have no use for it. */
  TUNNELLED: 6,
  /** DROP: the TCP header, or what an ICMP error quotes of one, makes no sense. */
  MALFORMED_TCP: 7,
  /** REFUSE: the address is that of a service, the port is of none. */
  NO_SERVICE: 8,
  /** REFUSE: no server takes new connections. */
  NO_SERVER: 9,
  /** REFUSE: a join whose token no server is known to have. */
  UNKNOWN_TOKEN: 10,
  /** REFUSE: the packet names a server that is not there. */
  UNKNOWN_SERVER: 11,
} as const;

/** One of {@link VerdictReason}. */
export type VerdictReasonCode = (typeof VerdictReason)[keyof typeof VerdictReason];

/** Names of the reasons, by number. */
export const verdictReasonNames = [
  'none',
  'not-ours',
  'not-tcp',
  'malformed-ip',
  'fragment',
  'source-routed',
  'tunnelled',
  'malformed-tcp',
  'no-service',
  'no-server',
  'unknown-token',
  'unknown-server',
] as const;

/** What is to become of one packet. */
export class Verdict {
  action: VerdictActionCode = VerdictAction.PASS;
  reason: VerdictReasonCode = VerdictReason.NONE;
  /** Where it goes; undefined unless it is forwarded. */
  server: Server | undefined = undefined;
  /** ENCAPSULATE: who had the flow's bucket before and may still know the flow; undefined for nobody. */
  previous: Server | undefined = undefined;
  /** ENCAPSULATE: when the bucket changed hands, in whole seconds of the owner's clock; 0 without `previous`. */
  movedAtSeconds = 0;
  /** ENCAPSULATE: which state of the buckets the verdict is from; rises with every change. */
  generation = 0;

  /** Forwards the packet to `server` as it is. */
  deliver(server: Server): void {
    this.set(VerdictAction.DELIVER, VerdictReason.NONE, server);
  }

  /** Forwards the packet to `server` within another. */
  encapsulate(
    server: Server,
    previous: Server | undefined,
    movedAtSeconds: number,
    generation: number,
  ): void {
    this.set(VerdictAction.ENCAPSULATE, VerdictReason.NONE, server);
    this.previous = previous;
    this.movedAtSeconds = movedAtSeconds;
    this.generation = generation;
  }

  /** Leaves the packet to the host. */
  pass(reason: VerdictReasonCode): void {
    this.set(VerdictAction.PASS, reason, undefined);
  }

  /** Drops the packet. */
  drop(reason: VerdictReasonCode): void {
    this.set(VerdictAction.DROP, reason, undefined);
  }

  /** Refuses the packet. */
  refuse(reason: VerdictReasonCode): void {
    this.set(VerdictAction.REFUSE, reason, undefined);
  }

  private set(action: VerdictActionCode, reason: VerdictReasonCode, server: Server | undefined): void {
    this.action = action;
    this.reason = reason;
    this.server = server;
    this.previous = undefined;
    this.movedAtSeconds = 0;
    this.generation = 0;
  }
}

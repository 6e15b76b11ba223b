/** What the owner of a host may choose. Every limit holds for the whole host unless it says otherwise. */
import { MINUTE, SubflowError } from '../base/index.js';
import { checkMptcpSettings, defaultMptcpSettings, type MptcpSettings } from '../mptcp/index.js';
import {
  cubic,
  defaultTcpSettings,
  type CongestionFactory,
  type TcpSettings,
  type TimestampMark,
} from '../tcp/index.js';
import { defaultPathMemorySettings, type PathMemorySettings } from './path-memory.js';
import type { PortRange } from './port-allocator.js';

/** Settings of a {@link Stack}; treat them as frozen. */
export interface StackSettings {
  /** For every subflow unless the call says otherwise. */
  readonly tcp: TcpSettings;
  /** For every connection unless the call says otherwise. */
  readonly mptcp: MptcpSettings;
  /** Congestion control of every subflow unless the call says otherwise. */
  readonly congestion: CongestionFactory;
  /** Connections of all kinds, half-open ones included; SYNs beyond it are dropped, `connect` throws. */
  readonly maxConnections: number;
  /**
   * Connections that others began and that are not established, for each listener. From there on SYNs are answered
   * with SYN cookies, for which nothing is kept (RFC 4987 §3.6): see `syn-cookies.ts` for what they lose.
   */
  readonly maxHalfOpen: number;
  /** Connections at a time that a SYN alone made, for each listener with Fast Open; from there on SYNs are ordinary ones. */
  readonly maxFastOpenPending: number;
  /** How long a key for Fast Open cookies is used, in ns; its cookies are good for as long again (RFC 7413 §4.1.2). */
  readonly fastOpenKeyLifeNs: number;
  /** Pairs of addresses whose Fast Open cookies are remembered; the least recently used goes first. */
  readonly maxFastOpenPeers: number;
  /** Age at which a remembered cookie is asked for anew, in ns. */
  readonly fastOpenCookieLifeNs: number;
  /**
   * Peers whose version of Multipath TCP is remembered, when they answered with a lower one than they were asked for; the
   * least recently used goes first.
   */
  readonly maxRememberedPeers: number;
  /** How long such an answer is believed, in ns: then the preferred version is asked for again. */
  readonly peerMemoryNs: number;
  /** Records of closed flows that outlive old duplicates; beyond it the oldest goes early. */
  readonly maxTimeWait: number;
  /** Local ports for connections that asked for none. */
  readonly ephemeralPorts: PortRange;
  /** Segments a second in answer to segments of no flow, RSTs and repeated ACKs of TIME-WAIT; as many may go at once. */
  readonly repliesPerSecond: number;
  /** Echo replies a second; as many may go at once. 0 leaves echo requests unanswered. */
  readonly echoRepliesPerSecond: number;
  /** Time to live and hop limit of packets sent, 1 to 255. */
  readonly hopLimit: number;
  /**
   * The host's number among the servers behind a balancer of the design `key-select`: it stands in the low bits of every
   * timestamp that the host sends and of the token of every connection it takes, whose key is drawn until it does, which takes
   * 2^bits hashes on average. Timestamps then tell time to 2^bits ms only. Undefined for none.
   */
  readonly serverMark: TimestampMark | undefined;
  /** How the host treats paths that swallow SYNs with Multipath TCP options. */
  readonly pathMemory: PathMemorySettings;
}

/** Settings for a host of a few tens of thousands of connections. */
export const defaultStackSettings: StackSettings = Object.freeze({
  tcp: defaultTcpSettings,
  mptcp: defaultMptcpSettings,
  congestion: cubic,
  maxConnections: 65_536,
  maxHalfOpen: 1024,
  maxFastOpenPending: 256,
  fastOpenKeyLifeNs: 12 * 60 * MINUTE,
  maxFastOpenPeers: 1024,
  fastOpenCookieLifeNs: 7 * 24 * 60 * MINUTE,
  maxRememberedPeers: 1024,
  peerMemoryNs: 60 * MINUTE,
  maxTimeWait: 16_384,
  ephemeralPorts: { first: 32_768, last: 60_999 },
  repliesPerSecond: 200,
  echoRepliesPerSecond: 100,
  hopLimit: 64,
  serverMark: undefined,
  pathMemory: defaultPathMemorySettings,
});

/** Most bits of a {@link StackSettings.serverMark}: its clock then moves four times a second (RFC 7323 §5.4: once at least). */
const MAX_MARK_BITS = 8;

/** Refuses settings that no host could be made with. Throws `ERR_SUBFLOW_BAD_SETTING`. */
export function checkStackSettings(settings: StackSettings): void {
  checkMptcpSettings(settings.mptcp);
  const mark = settings.serverMark;
  if (mark === undefined) return;
  const { bits, value } = mark;
  const isSound = Number.isInteger(bits) && bits >= 1 && bits <= MAX_MARK_BITS && Number.isInteger(value);
  if (isSound && value >= 1 && value < 2 ** bits) return;
  throw new SubflowError('ERR_SUBFLOW_BAD_SETTING', `serverMark: ${value} is no number of ${bits} bits`, {
    hint: `Take 1 to ${MAX_MARK_BITS} bits, and a number from 1 to 2^bits - 1.`,
  });
}

/** What a single connection or listener may have of its own; what is left out is the host's. */
export interface ConnectionSettings {
  readonly tcp?: TcpSettings;
  readonly mptcp?: MptcpSettings;
  readonly congestion?: CongestionFactory;
}

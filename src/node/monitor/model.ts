/**
 * What is known of a machine's Multipath TCP at one look, and what changed since the one before: rates, shares of the bytes, fall-backs.
 * Pure: what the kernel said goes in, a look comes out. Remembers of the last look as much as rates need, and nothing of connections
 * that are gone.
 */
import {
  type ConnectionListing,
  type ListedConnection,
  type ListedSubflow,
  MibCounters,
} from '../../linux/index.js';
import { pathEndText, type SocketState, socketState } from '../../netlink/index.js';

/** Name of the form of a look as JSON. Fields are only ever added. */
export const monitorSchema = 'subflow/monitor/1';

/** What the kernel said. */
export interface MonitorReading {
  /** When, in ms since 1970. */
  readonly nowMs: number;
  readonly listing: ConnectionListing;
  /** Counters of the namespace. */
  readonly counters: MibCounters;
}

/** What went over something: bytes so far, and bit/s since the last look, null at the first one. */
export interface Traffic {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly sendRateBps: number | null;
  readonly receiveRateBps: number | null;
}

/** One subflow. */
export interface MonitoredSubflow extends Traffic {
  /** Ends, as `192.0.2.1:443` or `[2001:db8::1]:443`. */
  readonly local: string;
  readonly remote: string;
  readonly state: SocketState;
  /** It joined the connection, and did not begin it. */
  readonly joined: boolean;
  /** Who wants it to be a backup. */
  readonly backup: 'none' | 'local' | 'peer' | 'both';
  readonly localId: number;
  readonly remoteId: number;
  readonly rttMs: number;
  readonly minRttMs: number | null;
  readonly cwndSegments: number;
  readonly ackedBytes: number;
  readonly retransmittedBytes: number;
  /** Shares of what all subflows of the connection that are there now sent and received, 0 to 1. */
  readonly sendShare: number;
  readonly receiveShare: number;
}

/** One connection. */
export interface MonitoredConnection extends Traffic {
  /** This side's token, eight digits of hexadecimal; commands of the path manager name it so. */
  readonly token: string;
  readonly local: string;
  readonly remote: string;
  readonly state: SocketState;
  /** Number of the user that made the socket. */
  readonly uid: number;
  readonly inode: number;
  /** It speaks plain TCP, after all. */
  readonly fallback: boolean;
  readonly checksum: boolean;
  /** Data that was sent again at the data level, on another subflow. */
  readonly retransmittedBytes: number;
  /** Subflows with the first one, as the kernel counts them; null where it does not say (before Linux 6.8). */
  readonly subflowCount: number | null;
  /** Empty where the program may not see them. */
  readonly subflows: readonly MonitoredSubflow[];
}

/** A connection of TCP at a listener of Multipath TCP. */
export interface PlainConnection {
  readonly local: string;
  readonly remote: string;
  readonly state: SocketState;
  readonly uid: number;
}

/** Sums of a look. */
export interface MonitorTotals extends Traffic {
  readonly connections: number;
  readonly subflows: number;
  readonly backups: number;
  /** Connections of Multipath TCP sockets that speak plain TCP. */
  readonly fallenBack: number;
  /** Connections of TCP at listeners of Multipath TCP: of clients without it, or whose options were taken away. */
  readonly plain: number;
  readonly listeners: number;
}

/** See the module. */
export interface MonitorLook {
  readonly schema: typeof monitorSchema;
  /** When, as in ISO 8601. */
  readonly time: string;
  /** Since the last look; null at the first one. */
  readonly sinceMs: number | null;
  /** Whether subflows can be seen: kernels before 6.15 tell only programs with CAP_NET_ADMIN what a subflow belongs to. */
  readonly seesSubflows: boolean;
  /** Whether events can be heard: that takes CAP_NET_ADMIN. */
  readonly seesEvents: boolean;
  /** Whether everything is here, and not only as much as is looked at. */
  readonly isWhole: boolean;
  readonly totals: MonitorTotals;
  readonly connections: readonly MonitoredConnection[];
  readonly plain: readonly PlainConnection[];
  /** The kernel's counters of Multipath TCP that are not 0, and by how much they rose since the last look. */
  readonly counters: Readonly<Record<string, number>>;
  readonly counted: Readonly<Record<string, number>>;
}

interface Counted {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** See the module. */
export class MonitorModel {
  private readonly hasRights: boolean;
  /** Bytes at the last look, by the cookies of sockets. */
  private last = new Map<number, Counted>();
  private lastMs: number | undefined;
  private lastCounters: MibCounters | undefined;

  /** `hasRights`: the program has CAP_NET_ADMIN. */
  constructor(hasRights: boolean) {
    this.hasRights = hasRights;
  }

  /** Takes what the kernel said now. */
  look({ nowMs, listing, counters }: MonitorReading): MonitorLook {
    const sinceMs = this.lastMs === undefined ? null : Math.max(1, nowMs - this.lastMs);
    const clock = new RateClock(this.last, sinceMs);
    const subflows = byToken(listing.subflows);
    const connections = listing.connections.map((each) =>
      connectionOf(each, subflows.get(each.mptcp.token) ?? [], clock),
    );
    const counted =
      this.lastCounters === undefined ? new MibCounters(new Map()) : counters.since(this.lastCounters);
    this.last = clock.next;
    this.lastMs = nowMs;
    this.lastCounters = counters;
    return {
      ...{ schema: monitorSchema, time: new Date(nowMs).toISOString(), sinceMs },
      // Every connection has a subflow, but for the moment before its end.
      seesSubflows: this.hasRights || connections.length === 0 || listing.subflows.length > 0,
      ...{ seesEvents: this.hasRights, isWhole: listing.isWhole },
      totals: totalsOf(connections, listing, sinceMs),
      connections,
      plain: listing.plain.map(({ local, remote, state, uid }) => ({
        ...{ local: pathEndText(local), remote: pathEndText(remote), state, uid },
      })),
      counters: counters.nonZero('MPTcpExt'),
      counted: counted.nonZero('MPTcpExt'),
    };
  }
}

/** Rates of one look. */
class RateClock {
  /** Bytes of this look, for the next one. */
  readonly next = new Map<number, Counted>();
  private readonly last: ReadonlyMap<number, Counted>;
  private readonly sinceMs: number | null;

  constructor(last: ReadonlyMap<number, Counted>, sinceMs: number | null) {
    this.last = last;
    this.sinceMs = sinceMs;
  }

  /** Notes the bytes of the socket with this cookie, and gives what they were at the last look. */
  count(cookie: number, sentBytes: number, receivedBytes: number): Counted {
    this.next.set(cookie, { sentBytes, receivedBytes });
    // What was not there at the last look began since.
    return this.last.get(cookie) ?? nothing;
  }

  /** In bit/s. Counters that went back are another's. */
  rate(now: number, then: number): number | null {
    return this.sinceMs === null ? null : (Math.max(0, now - then) * 8000) / this.sinceMs;
  }
}

const nothing: Counted = { sentBytes: 0, receivedBytes: 0 };

function byToken(subflows: readonly ListedSubflow[]): Map<number, ListedSubflow[]> {
  const found = new Map<number, ListedSubflow[]>();
  for (const subflow of subflows) {
    const list = found.get(subflow.token);
    if (list === undefined) found.set(subflow.token, [subflow]);
    else list.push(subflow);
  }
  return found;
}

// A machine has tens of thousands of these: objects are written in one piece, which the engine makes ten times as fast as by spreading.
function connectionOf(
  { mptcp, cookie, state, local, remote, uid, inode }: ListedConnection,
  listed: readonly ListedSubflow[],
  clock: RateClock,
): MonitoredConnection {
  const sent = sum(listed, ({ tcp }) => Number(tcp.bytesSent ?? 0n));
  const received = sum(listed, ({ tcp }) => Number(tcp.bytesReceived ?? 0n));
  // Kernels before 6.5 do not count at the data level, and after a fall-back there is none.
  const isCounted = mptcp.bytesSent !== undefined && !mptcp.fallback;
  const sentBytes = isCounted ? Number(mptcp.bytesSent) : sent;
  const receivedBytes = isCounted ? Number(mptcp.bytesReceived ?? 0n) : received;
  const before = clock.count(cookie, sentBytes, receivedBytes);
  return {
    token: mptcp.token.toString(16).padStart(8, '0'),
    local: pathEndText(local),
    remote: pathEndText(remote),
    state,
    uid,
    inode,
    fallback: mptcp.fallback,
    checksum: mptcp.checksum === true,
    sentBytes,
    receivedBytes,
    sendRateBps: clock.rate(sentBytes, before.sentBytes),
    receiveRateBps: clock.rate(receivedBytes, before.receivedBytes),
    retransmittedBytes: Number(mptcp.bytesRetransmitted ?? 0n),
    subflowCount: mptcp.totalSubflows ?? null,
    subflows: inOrder(listed).map((each) => subflowOf(each, sent, received, clock)),
  };
}

/** The one that began the connection first, the others as their IDs are. */
function inOrder(listed: readonly ListedSubflow[]): readonly ListedSubflow[] {
  if (listed.length < 2) return listed;
  return [...listed].sort(
    (a, b) => Number(a.isJoin) - Number(b.isJoin) || a.localId - b.localId || a.remoteId - b.remoteId,
  );
}

function subflowOf(
  subflow: ListedSubflow,
  sent: number,
  received: number,
  clock: RateClock,
): MonitoredSubflow {
  const { tcp } = subflow;
  const sentBytes = Number(tcp.bytesSent ?? 0n);
  const receivedBytes = Number(tcp.bytesReceived ?? 0n);
  const before = clock.count(subflow.cookie, sentBytes, receivedBytes);
  return {
    local: pathEndText(subflow.local),
    remote: pathEndText(subflow.remote),
    state: socketState(subflow.state),
    joined: subflow.isJoin,
    backup: backupOf(subflow),
    localId: subflow.localId,
    remoteId: subflow.remoteId,
    sentBytes,
    receivedBytes,
    sendRateBps: clock.rate(sentBytes, before.sentBytes),
    receiveRateBps: clock.rate(receivedBytes, before.receivedBytes),
    rttMs: tcp.srttNs / 1e6,
    minRttMs: tcp.minRttNs === undefined || tcp.minRttNs >= noMinimumNs ? null : tcp.minRttNs / 1e6,
    cwndSegments: tcp.cwndSegments,
    ackedBytes: Number(tcp.bytesAcked ?? 0n),
    retransmittedBytes: Number(tcp.bytesRetransmitted ?? 0n),
    sendShare: sent === 0 ? 0 : sentBytes / sent,
    receiveShare: received === 0 ? 0 : receivedBytes / received,
  };
}

/** What stands in place of the least round trip where none was measured: all bits of a number of µs. */
const noMinimumNs = 0xffff_ffff * 1000;

function backupOf({ isBackup, isBackupForPeer }: ListedSubflow): MonitoredSubflow['backup'] {
  if (isBackup) return isBackupForPeer ? 'both' : 'local';
  return isBackupForPeer ? 'peer' : 'none';
}

function totalsOf(
  connections: readonly MonitoredConnection[],
  { subflows, plain, listeners }: ConnectionListing,
  sinceMs: number | null,
): MonitorTotals {
  const total = (of: (connection: MonitoredConnection) => number | null): number =>
    sum(connections, (each) => of(each) ?? 0);
  return {
    ...{ connections: connections.length, subflows: subflows.length },
    backups: subflows.filter((each) => backupOf(each) !== 'none').length,
    fallenBack: connections.filter(({ fallback }) => fallback).length,
    ...{ plain: plain.length, listeners: listeners.length },
    ...{
      sentBytes: total(({ sentBytes }) => sentBytes),
      receivedBytes: total(({ receivedBytes }) => receivedBytes),
    },
    sendRateBps: sinceMs === null ? null : total(({ sendRateBps }) => sendRateBps),
    receiveRateBps: sinceMs === null ? null : total(({ receiveRateBps }) => receiveRateBps),
  };
}

function sum<T>(list: readonly T[], of: (item: T) => number): number {
  return list.reduce((total, item) => total + of(item), 0);
}

/**
 * One Multipath TCP connection as the capture shows it: its two hosts, its subflows, the data of both directions and what
 * was signalled. Only state and the steps that keep it whole; the rules that read packets are in handshake.ts,
 * data-level.ts and fallback.ts.
 */
import { asDouble } from './double.js';
import { type Uint64, uint64Distance } from '../base/index.js';
import { deriveKeyMaterial } from '../wire/index.js';
import { DataDirection } from './data-direction.js';
import type { AddressReport, FallbackCause, SignalReport } from './report.js';
import type { TraceLimits } from './settings.js';
import type { MatchedBy, Stream } from './stream.js';
import { SubflowDirection } from './subflow-direction.js';

/** Farthest that numbers lie from the initial one that their key says. */
const KEY_REACH = 2 ** 40;

/** What is known of one of the two hosts. */
export class HostView {
  key: Uint64 | undefined = undefined;
  token: number | undefined = undefined;
  initialDataSeq: Uint64 | undefined = undefined;
  /** MP_CAPABLE flags that it sent last; -1 before. */
  capableFlags = -1;
}

/** An address report while it changes. */
export type AddressState = { -readonly [Field in keyof AddressReport]: AddressReport[Field] };

export class Connection {
  /** Its number among those of Multipath TCP; for plain TCP, below 0 until `finalNumber` puts it behind them. */
  id: number;
  readonly vantage: number;
  readonly limits: TraceLimits;
  readonly client: HostView;
  readonly server: HostView;
  /** What each host sent at the data level. */
  readonly clientData: DataDirection;
  readonly serverData: DataDirection;
  readonly subflows: Stream[] = [];
  version: 0 | 1 | undefined = undefined;
  /** Versions that the SYN and the SYN+ACK named; -1 before. */
  synVersion = -1;
  synAckVersion = -1;
  isClientCertain = false;
  /** Whether DSS checksums are in use; undefined while it is not known. */
  checksum: boolean | undefined = undefined;
  /** Whether the keys fit what is on the wire; undefined before anything could be compared. */
  keysVerified: boolean | undefined = undefined;
  /** Whether a SYN with MP_CAPABLE was seen, and whether the handshake has come to its end with it. */
  wasOffered = false;
  isConfirmed = false;
  /** Whether the last SYN came without the option. */
  isSynBare = false;
  /** The third packet, when it had no MP_CAPABLE; -1. */
  bareThirdPacket = -1;
  fallbackCause: FallbackCause | undefined = undefined;
  fallbackPacket = -1;
  hasFastClose = false;
  packets = 0;
  firstPacket = 0;
  lastPacket = 0;
  startNs = asDouble;
  endNs = asDouble;
  readonly addresses: AddressState[] = [];
  readonly signals: SignalReport[] = [];

  /** `intervalNs` is the length of the intervals in which new data is counted; 0 for none. */
  constructor(id: number, vantage: number, limits: TraceLimits, intervalNs: number) {
    this.startNs = 0;
    this.endNs = 0;
    this.id = id;
    this.vantage = vantage;
    this.limits = limits;
    this.client = new HostView();
    this.server = new HostView();
    this.clientData = new DataDirection(limits, intervalNs);
    this.serverData = new DataDirection(limits, intervalNs);
  }

  /** Whether any MPTCP option was seen; else it is followed because plain connections were asked for. */
  get isMultipath(): boolean {
    return this.id >= 0;
  }

  get isFallback(): boolean {
    return this.fallbackCause !== undefined;
  }

  /** Whether every subflow is over. */
  get isOver(): boolean {
    return this.subflows.every((stream) => stream.isOver);
  }

  /** Makes a stream a subflow. What it had sent before counts as not captured. */
  attach(stream: Stream, matchedBy: MatchedBy, isOpenerClient: boolean): void {
    stream.connection = this;
    stream.subflow = this.subflows.length;
    stream.packetsBefore = stream.packets;
    stream.matchedBy = matchedBy;
    stream.isOpenerClient = isOpenerClient;
    stream.fromOpener = new SubflowDirection(this.limits);
    stream.fromOther = new SubflowDirection(this.limits);
    if (this.subflows.length === 0) {
      this.firstPacket = stream.firstPacket;
      this.startNs = stream.startNs;
    }
    this.subflows.push(stream);
    this.packets += stream.packets;
    this.lastPacket = Math.max(this.lastPacket, stream.lastPacket);
    this.endNs = Math.max(this.endNs, stream.endNs);
  }

  /** Statistics begin at `atNs`: forgets what was counted, and nothing of what is known. */
  beginStatistics(atNs: number): void {
    this.packets = 0;
    for (const { fromOpener, fromOther } of this.subflows) {
      fromOpener!.beginStatistics(atNs);
      fromOther!.beginStatistics(atNs);
    }
    this.clientData.beginStatistics(atNs);
    this.serverData.beginStatistics(atNs);
  }

  /** Takes in a key; returns whether it is news. A key that contradicts the one known is left aside. */
  learnKey(host: HostView, key: Uint64, version: 0 | 1): boolean {
    if (host.key !== undefined) {
      if (host.key.hi !== key.hi || host.key.lo !== key.lo) this.keysVerified = false;
      return false;
    }
    const { token, initialDataSeq } = deriveKeyMaterial(key, version);
    if (host.token !== undefined && host.token !== token) {
      this.keysVerified = false;
      return false;
    }
    host.key = key;
    host.token = token;
    host.initialDataSeq = initialDataSeq;
    this.anchorByKey(host === this.client ? this.clientData : this.serverData, initialDataSeq);
    return true;
  }

  /** Forgets the keys of a handshake that another SYN or version replaced. */
  forgetKeys(host: HostView): void {
    host.key = undefined;
    host.token = undefined;
    host.initialDataSeq = undefined;
    const data = host === this.client ? this.clientData : this.serverData;
    if (!data.hasData) data.isAnchored = false;
  }

  private anchorByKey(data: DataDirection, initial: Uint64): void {
    if (!data.isAnchored) {
      data.setAnchor(initial.hi | 0, initial.lo | 0, 0, true);
      return;
    }
    // Numbers came first. Half of one says too little to judge a key by.
    const distance = data.hasHigh
      ? uint64Distance(data.anchorHi >>> 0, data.anchorLo >>> 0, initial)
      : (data.anchorLo - initial.lo) | 0;
    const fits = Math.abs(distance) < KEY_REACH;
    if (data.hasHigh) this.keysVerified = fits && this.keysVerified !== false;
    // Where data came too, offsets keep counting from there.
    if (fits && !data.hasData) data.rebase(initial, distance);
  }
}

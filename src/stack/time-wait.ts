/**
 * Flows that are over but must outlive their old duplicates: what is left of each is one small record that can repeat
 * the last acknowledgment and judge a new SYN. Read first: RFC 9293 §3.6.1 and §3.10.7.4, RFC 6191, RFC 1337.
 */
import {
  MILLISECOND,
  NEVER,
  seqDistance,
  TimerQueue,
  type RandomSource,
  type Seq32,
  type TimerItem,
} from '../base/index.js';
import type { OutgoingSegment } from '../tcp/index.js';
import { TcpFlag, type IpAddress, type TcpSegment } from '../wire/index.js';
import { FlowTable, type FlowKey, type FlowNode } from './flow-table.js';

/** One closed flow. */
export class TimeWaitRecord implements FlowNode, TimerItem {
  readonly local: IpAddress;
  readonly remote: IpAddress;
  readonly ports: number;
  flowHash = 0;
  flowNext: FlowNode | undefined = undefined;
  /** Sequence number after our FIN. */
  readonly sndNxt: Seq32;
  /** Sequence number after the peer's FIN. */
  readonly rcvNxt: Seq32;
  /** Window field of the last acknowledgment. */
  readonly window: number;
  /** Whether the flow used timestamps. */
  readonly hasTimestamps: boolean;
  /** Our timestamp at `startedAt`; it goes on with the clock of 1 ms. */
  readonly tsVal: number;
  /** The peer's newest timestamp. */
  readonly tsRecent: number;
  /** Other options of the last acknowledgment (a DATA_ACK); undefined when there were none. */
  readonly extension: Uint8Array | undefined;
  /** When the record was made, in ns. */
  readonly startedAt: number;
  /** When it goes, in ns; kept by the table. */
  timerAt: number = NEVER;
  /** Place among the timers; kept by the table. */
  timerIndex = -1;

  /** `lastAck` is the acknowledgment that the flow would send at `now`. */
  constructor(now: number, local: IpAddress, remote: IpAddress, ports: number, lastAck: OutgoingSegment) {
    this.local = local;
    this.remote = remote;
    this.ports = ports;
    this.sndNxt = lastAck.seq;
    this.rcvNxt = lastAck.ack;
    this.window = lastAck.window;
    this.hasTimestamps = lastAck.hasTimestamps;
    this.tsVal = lastAck.tsVal;
    this.tsRecent = lastAck.tsEcr;
    lastAck.settleDss();
    this.extension =
      lastAck.extensionLength === 0 ? undefined : lastAck.extension.slice(0, lastAck.extensionLength);
    this.startedAt = now;
  }

  /** Fills `out` with the last acknowledgment again. */
  writeAck(now: number, out: OutgoingSegment): void {
    out.clear();
    out.seq = this.sndNxt;
    out.ack = this.rcvNxt;
    out.flags = TcpFlag.ACK;
    out.window = this.window;
    out.hasTimestamps = this.hasTimestamps;
    out.tsVal = (this.tsVal + Math.floor((now - this.startedAt) / MILLISECOND)) >>> 0;
    out.tsEcr = this.tsRecent;
    if (this.extension !== undefined) {
      out.extension.set(this.extension);
      out.extensionLength = this.extension.length;
    }
  }

  /** Whether `syn` is newer than all that the flow received, so that it may begin a new one (RFC 6191 §2). */
  mayReopen(syn: TcpSegment): boolean {
    if (this.hasTimestamps && syn.hasTimestamps) {
      const age = (syn.tsVal - this.tsRecent) | 0;
      if (age !== 0) return age > 0;
    }
    return seqDistance(syn.seq as Seq32, this.rcvNxt) > 0;
  }

  /**
   * Whether `segment` deserves the acknowledgment again: all that occupies sequence space and all that lies elsewhere
   * does; an acknowledgment in its place does not, so that two such records do not answer each other for ever.
   */
  isAnswered(segment: TcpSegment): boolean {
    // A RST would cut TIME-WAIT short (RFC 1337 §2).
    if ((segment.flags & TcpFlag.RST) !== 0) return false;
    const isEmpty = (segment.flags & (TcpFlag.SYN | TcpFlag.FIN)) === 0 && segment.payloadLength === 0;
    return !isEmpty || segment.seq !== this.rcvNxt;
  }
}

/** All records of a host, at most `limit`. */
export class TimeWaitTable {
  private readonly table: FlowTable<TimeWaitRecord>;
  private readonly timers = new TimerQueue<TimeWaitRecord>();
  private readonly limit: number;
  private readonly durationNs: number;

  constructor(random: RandomSource, limit: number, durationNs: number) {
    this.table = new FlowTable(random);
    this.limit = limit;
    this.durationNs = durationNs;
  }

  /** Records held. */
  get size(): number {
    return this.table.size;
  }

  /** When {@link expire} has something to do, in ns. */
  get nextAt(): number {
    return this.timers.nextAt;
  }

  find(key: FlowKey): TimeWaitRecord | undefined {
    return this.table.size === 0 ? undefined : this.table.find(key);
  }

  findTuple(local: IpAddress, remote: IpAddress, ports: number): TimeWaitRecord | undefined {
    return this.table.size === 0 ? undefined : this.table.findTuple(local, remote, ports);
  }

  /** Records a flow; returns whether the record that was due first had to go for it. */
  add(now: number, local: IpAddress, remote: IpAddress, ports: number, lastAck: OutgoingSegment): boolean {
    const isFull = this.table.size >= this.limit;
    if (isFull) {
      const first = this.timers.popDue(NEVER);
      if (first === undefined) return true;
      this.table.remove(first);
    }
    const record = new TimeWaitRecord(now, local, remote, ports, lastAck);
    this.table.insert(record);
    this.timers.set(record, now + this.durationNs);
    return isFull;
  }

  /** Starts the time of `record` anew, because the peer's FIN came again (RFC 9293 §3.10.7.4, step 8). */
  restart(now: number, record: TimeWaitRecord): void {
    this.timers.set(record, now + this.durationNs);
  }

  /** Takes `record` out. */
  remove(record: TimeWaitRecord): void {
    this.table.remove(record);
    this.timers.remove(record);
  }

  /** Lets go of what has lasted long enough. */
  expire(now: number): void {
    for (let due = this.timers.popDue(now); due !== undefined; due = this.timers.popDue(now))
      this.table.remove(due);
  }
}

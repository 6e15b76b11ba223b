/** The end of a trial that runs on a socket of the kernel's: the same job as `TrialEnd`, the same observation. */

import type { Socket } from 'node:net';
import {
  connectionInfo,
  descriptorOf,
  isMultipath,
  type NetworkNamespace,
  subflowTcpInfo,
} from '../../linux/index.js';
import type { Corruption, EndObservation, TrialEndPlan } from '../../network/index.js';

/** Bytes written at a time. */
const chunkBytes = 16 * 1024;
/** What the kernel counts when it resets a subflow for a reason, or is told of one (`nstat`). */
const resetCounters = ['MPTcpExtMPRstTx', 'MPTcpExtMPRstRx'] as const;
/** What it counts when a checksum fails, here or at the peer, and when it goes on as plain TCP because of that. */
const failureCounters = [
  'MPTcpExtMPFailTx',
  'MPTcpExtMPFailRx',
  'MPTcpExtInfiniteMapTx',
  'MPTcpExtInfiniteMapRx',
] as const;
/** What it counts when it took data that no mapping covers, and then saw that it should not have. */
const corruptionCounters = ['MPTcpExtDSSCorruptionFallback', 'MPTcpExtDSSCorruptionReset'] as const;
/** What it counts when it throws data away that it thinks it has: in plain TCP there is no such data. */
const duplicateCounters = ['MPTcpExtDuplicateData'] as const;
/** Bytes beyond the peer's stream after which that counts as endless: boxes insert far less. */
const excessBytes = 10_000;
/** State of a subflow that is over but not yet let go of (tcp_states.h). */
const tcpClosed = 7;

export class KernelTrialEnd {
  receivedBytes = 0;
  private readonly plan: TrialEndPlan;
  private readonly closesLast: boolean;
  private namespace: NetworkNamespace | undefined = undefined;
  private socket: Socket | undefined = undefined;
  private written = 0;
  private isWrong = false;
  private isChanged = false;
  private isPeerFinished = false;
  private isClosed = false;
  private hasFailed = false;
  private isEndless = false;
  private isPausing = false;
  /** Pauses that are behind it, or begun. */
  private pausesTaken = 0;
  private wasFallback = false;
  private mostSubflows = 0;
  private lostSubflows = 0;
  private timer: NodeJS.Timeout | undefined = undefined;

  /** `closesLast`: it ends its stream only when the peer's has ended: the kernel joins no paths to half a connection. */
  constructor(plan: TrialEndPlan, closesLast: boolean) {
    this.plan = plan;
    this.closesLast = closesLast;
  }

  /** Whether the connection is over, or both streams have come to their end. */
  get isDone(): boolean {
    return this.isClosed || (this.isPeerFinished && this.socket?.writableFinished === true);
  }

  /** Its host, whose counters it reads. */
  watch(namespace: NetworkNamespace): void {
    this.namespace = namespace;
  }

  /** Gives it its socket, connected or about to be. */
  attach(socket: Socket): void {
    if (this.socket !== undefined) {
      socket.destroy();
      return;
    }
    this.socket = socket;
    socket.on('data', (bytes) => this.take(bytes));
    socket.on('error', () => (this.hasFailed = true));
    socket.on('close', () => (this.isClosed = true));
    socket.on('drain', () => this.write());
    socket.on('end', () => {
      this.isPeerFinished = true;
      this.look();
      this.write();
    });
    if (socket.connecting) socket.once('connect', () => this.write());
    else this.write();
  }

  /** Lets go of the socket, whatever state it is in. */
  close(): void {
    clearTimeout(this.timer);
    this.socket?.destroy();
  }

  /** Asks the kernel how the connection stands. */
  look(): void {
    const { socket } = this;
    if (socket === undefined || socket.destroyed || socket.connecting || this.isPeerFinished) return;
    const fd = descriptorOf(socket);
    this.wasFallback = !isMultipath(fd) || (connectionInfo(fd)?.fallback ?? true);
    if (this.wasFallback) return;
    const count = subflowTcpInfo(fd).filter(({ state }) => state !== tcpClosed).length;
    // Once this side has ended its stream, subflows go in order, one by one, which is no loss.
    if (!socket.writableEnded) this.lostSubflows = Math.max(this.lostSubflows, this.mostSubflows - count);
    this.mostSubflows = Math.max(this.mostSubflows, count);
  }

  observation(): EndObservation {
    const isComplete = !this.hasFailed && this.isPeerFinished && this.socket?.writableFinished === true;
    return {
      isComplete,
      isFallback: this.hasFallenBack(),
      subflows: this.mostSubflows,
      lostSubflows: Math.max(this.lostSubflows, this.count(resetCounters)),
      corruption: this.corruption(isComplete),
      isChangedAsPlainTcp: this.isChanged,
    };
  }

  /** Whether the kernel itself counted what spoils a stream: data beyond a mapping, or of plain TCP thrown away. */
  hasCountedCorruption(): boolean {
    if (this.count(corruptionCounters) > 0) return true;
    return this.hasFallenBack() && this.count(duplicateCounters) > 0;
  }

  private corruption(isComplete: boolean): Corruption {
    if (this.isEndless) return 'endless';
    if (this.isWrong) return 'wrong byte';
    const isShort = isComplete && !this.isChanged && this.receivedBytes !== this.plan.bytes;
    return isShort ? 'cut short' : 'none';
  }

  private count(names: readonly string[]): number {
    const counters = this.namespace?.counters();
    return names.reduce((sum, name) => sum + (counters?.get(name) ?? 0), 0);
  }

  /**
   * Whether it is plain TCP. After a failed checksum on the only subflow the kernel's socket does not say so before the
   * peer's infinite mapping has come, though its data is taken as plain TCP's from the failure on (RFC 8684 §3.7).
   */
  private hasFallenBack(): boolean {
    return this.wasFallback || (this.mostSubflows === 1 && this.count(failureCounters) > 0);
  }

  private write(): void {
    const { plan, socket } = this;
    if (socket === undefined || socket.destroyed || socket.writableEnded || this.isPausing) return;
    const pause = plan.pauses[this.pausesTaken];
    const until = pause?.atByte ?? plan.bytes;
    while (this.written < until) {
      const length = Math.min(chunkBytes, until - this.written);
      const chunk = plan.own.fill(new Uint8Array(length), this.written);
      this.written += length;
      if (!socket.write(chunk)) return;
    }
    if (pause !== undefined) {
      this.pausesTaken++;
      this.isPausing = true;
      this.timer = setTimeout(() => {
        this.isPausing = false;
        this.write();
      }, pause.ns / 1e6);
      return;
    }
    if (!this.closesLast || this.isPeerFinished) socket.end();
  }

  private take(bytes: Uint8Array): void {
    this.look();
    const { plan } = this;
    const isRight =
      plan.peer.mismatch(bytes, this.receivedBytes) < 0 && this.receivedBytes + bytes.length <= plan.bytes;
    this.receivedBytes += bytes.length;
    if (this.receivedBytes > plan.bytes + excessBytes) {
      // It would go on for as long as somebody reads.
      this.isEndless = true;
      this.socket?.destroy();
    }
    if (isRight || this.isChanged) return;
    if (this.hasFallenBack()) this.isChanged = true;
    else this.isWrong = true;
  }
}

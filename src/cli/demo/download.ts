/** The client's application: asks for the content, hashes what comes, and notes when the application had to wait. */

import { createHash } from 'node:crypto';
import { NEVER } from '../../base/index.js';
import type { Application } from '../../network/index.js';
import type { Socket, Stack, StackEvent } from '../../stack/index.js';
import type { Endpoint } from '../../wire/index.js';
import { FailureError } from '../errors.js';
import type { PathSample } from './result.js';

/** What is known of a path besides its subflow. */
export interface WatchedPath {
  readonly name: string;
  /** Address of the client's interface, as text. */
  readonly clientAddress: string;
}

export class Download implements Application {
  /** Bytes delivered in order. */
  bytes = 0;
  /** When the last byte came, ns; undefined while the transfer goes on. */
  finishedAt: number | undefined = undefined;
  /** Why it failed; undefined while it has not. */
  failure: Error | undefined = undefined;
  /** Whether the connection fell back to TCP. */
  isFallback = false;
  /** When the Wi-Fi was cut, ns. */
  cutAt = NEVER;
  /** Longest time without a byte that ended after the cut, ns. */
  longestGapNs = 0;
  private readonly socket: Socket;
  private readonly paths: readonly WatchedPath[];
  private readonly samples: PathSample[];
  private readonly hash = createHash('sha256');
  private lastByteAt: number;

  /** Connects at `now` (ns). */
  constructor(now: number, stack: Stack, remote: Endpoint, paths: readonly WatchedPath[]) {
    this.paths = paths;
    this.samples = paths.map(({ name }) => ({ name, state: 'opening', bytes: 0, rttNs: undefined }));
    this.lastByteAt = now;
    this.socket = stack.connect(now, { remote });
  }

  /** Whether nothing more will come, for better or worse. */
  get isOver(): boolean {
    return this.finishedAt !== undefined || this.failure !== undefined;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (!('socket' in event) || event.socket !== this.socket) return;
    this.readAll(now);
    if (event.type === 'peer-closed') {
      this.finishedAt ??= now;
      this.socket.close(now);
    } else if (event.type === 'closed' && this.finishedAt === undefined) {
      const reason = event.error?.message ?? 'the connection ended before the content did';
      this.failure = new FailureError(reason, { cause: event.error });
    } else if (event.type === 'path' && event.notice.type === 'fallback') {
      this.isFallback = true;
    }
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {}

  /** SHA-256 of what came. */
  digest(): string {
    return this.hash.digest('hex');
  }

  /** What each path carried so far; a path whose subflow is gone keeps its last figures. */
  samplePaths(isDead: (name: string) => boolean): readonly PathSample[] {
    this.paths.forEach((path, index) => {
      const subflow = this.socket.connection.subflows.find(
        (candidate) => candidate.local.address.toString() === path.clientAddress,
      );
      const last = this.samples[index]!;
      const isUp = subflow !== undefined && subflow.tcp.rtt.srttNs > 0;
      const state = isDead(path.name) ? 'dead' : isUp ? 'up' : last.state;
      this.samples[index] = {
        name: path.name,
        state,
        bytes: Math.max(last.bytes, subflow?.bytesReceived ?? 0),
        rttNs: isUp ? subflow.tcp.rtt.srttNs : last.rttNs,
      };
    });
    return this.samples;
  }

  private readAll(now: number): void {
    for (let chunk = this.socket.read(now); chunk !== undefined; chunk = this.socket.read(now)) {
      this.hash.update(chunk);
      this.bytes += chunk.length;
      this.noteArrival(now);
    }
  }

  private noteArrival(now: number): void {
    if (now > this.cutAt) {
      const gap = now - Math.max(this.lastByteAt, this.cutAt);
      if (gap > this.longestGapNs) this.longestGapNs = gap;
    }
    this.lastByteAt = now;
  }
}

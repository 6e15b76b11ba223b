/**
 * One thread's way in and out of a queue of an interface: its socket there, and the rings of free frames, which it may share with other
 * threads. Those are used under a lock that nobody waits for: whoever has it does the work for all.
 */
import { EAGAIN, EBUSY, ENOBUFS } from '../constants.js';
import { kickSender } from '../libc.js';
import type { FramePool } from './frame-pool.js';
import { CompletionRing, FillRing, ReceiveRing, SendRing, type MappedRing } from './ring.js';
import type { SharedRings } from './xdp-socket.js';

/** A port as its owner tells a thread of it: it can be sent between threads. */
export interface PortPlan {
  readonly interfaceIndex: number;
  readonly queue: number;
  readonly fd: number;
  readonly receive: MappedRing;
  readonly send: MappedRing;
  readonly shared: SharedRings;
  /** Which word of {@link RingPlan.locks} guards the shared rings. */
  readonly lock: number;
  /** Whether packets come in by it; otherwise they only leave. */
  readonly isReceiving: boolean;
}

/** Calls for one flush, so that a device which takes one packet at a time keeps nobody. */
const maxKicks = 256;

/** See the module. */
export class PacketPort {
  readonly interfaceIndex: number;
  readonly fd: number;
  readonly isReceiving: boolean;
  readonly receive: ReceiveRing;
  /** Packets that had no place in the ring; their frames are the caller's still. */
  refused = 0;
  private readonly send: SendRing;
  private readonly fill: FillRing;
  private readonly completion: CompletionRing;
  private readonly locks: Int32Array;
  private readonly lock: number;
  private readonly pool: FramePool;
  private isPending = false;

  constructor(plan: PortPlan, locks: Int32Array, pool: FramePool) {
    this.interfaceIndex = plan.interfaceIndex;
    this.fd = plan.fd;
    this.isReceiving = plan.isReceiving;
    this.receive = new ReceiveRing(plan.receive);
    this.send = new SendRing(plan.send);
    this.fill = new FillRing(plan.shared.fill);
    this.completion = new CompletionRing(plan.shared.completion);
    this.locks = locks;
    this.lock = plan.lock;
    this.pool = pool;
  }

  /** Whether packets wait that the kernel has not taken. */
  get isStalled(): boolean {
    return this.isPending;
  }

  /** Sends the `length` bytes at `offset`; the frame is the kernel's until it is done. False, and counted, without a place. */
  transmit(offset: number, length: number): boolean {
    if (this.send.push(offset, length)) {
      this.isPending = true;
      return true;
    }
    this.refused++;
    return false;
  }

  /**
   * Has the kernel send what waits, as far as it does at once. Gives 0, or the negative errno of an interface that cannot: what is left
   * stays in the ring for the next call.
   */
  flush(): number {
    if (!this.isPending) return 0;
    const { send, fd } = this;
    send.show();
    let waiting = send.waiting;
    for (let kicks = 0; waiting > 0 && kicks < maxKicks; kicks++) {
      const result = kickSender(fd);
      const left = send.waiting;
      if (result < 0 && result !== -EAGAIN && result !== -EBUSY && result !== -ENOBUFS) return result;
      if (left === waiting) return 0;
      waiting = left;
    }
    this.isPending = waiting > 0;
    return 0;
  }

  /** Takes the frames that were sent, and gives the kernel free ones to receive to. */
  recycle(): void {
    const { locks, lock, pool, completion } = this;
    if (Atomics.compareExchange(locks, lock, 0, 1) !== 0) return;
    const done = completion.available();
    if (done > 0) {
      for (let i = 0; i < done; i++) pool.put(completion.take());
      completion.release();
    }
    if (this.isReceiving) this.refill();
    Atomics.store(locks, lock, 0);
  }

  private refill(): void {
    const { pool, fill } = this;
    if (pool.size === 0) return;
    const room = fill.room();
    const count = room < pool.size ? room : pool.size;
    if (count === 0) return;
    for (let i = 0; i < count; i++) fill.push(pool.take());
    fill.show();
  }
}

/**
 * All that one thread needs to receive and send: views of the frames, a pool of free ones, its ports, and a way to wait. A received
 * packet lies in a frame of its own with {@link headroomBytes} in front of it, so that it can leave from where it is, with other headers.
 */
import { ENXIO, POLLIN } from '../constants.js';
import { kickSender, NativeBuffer, pollDescriptors, viewMemory } from '../libc.js';
import { FramePool } from './frame-pool.js';
import { PacketPort, type PortPlan } from './packet-port.js';
import type { FrameMemory } from './xdp-socket.js';

/** Room that the kernel leaves before a received packet (XDP_PACKET_HEADROOM). */
export const headroomBytes = 256;

/** What the owner of rings tells a thread: it can be sent between threads. */
export interface RingPlan {
  readonly memory: FrameMemory;
  readonly ports: readonly PortPlan[];
  /** A word for each pair of shared rings. */
  readonly locks: SharedArrayBuffer;
  /** The frames that are this thread's to begin with. */
  readonly firstFrame: number;
  readonly frames: number;
  /** Frames of all threads: any of them may come to hold all. */
  readonly allFrames: number;
}

const POLL_ENTRY_BYTES = 8;
/** Most ports of one thread: queues of all interfaces together. */
export const maxPorts = 255;

/** See the module. */
export class WorkerRings {
  /** The memory of all frames. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly pool: FramePool;
  readonly ports: PacketPort[] = [];
  private readonly locks: Int32Array;
  private readonly polled = new NativeBuffer(POLL_ENTRY_BYTES * (maxPorts + 1));
  private readonly entries: DataView;

  /** `wakeFd`: a descriptor that ends a wait when it is readable. */
  constructor(plan: RingPlan, wakeFd: number) {
    const { memory } = plan;
    const buffer = viewMemory(memory.address, memory.bytes);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.locks = new Int32Array(plan.locks);
    this.pool = new FramePool(plan.allFrames, memory.frameBytes);
    for (let i = 0; i < plan.frames; i++) this.pool.put((plan.firstFrame + i) * memory.frameBytes);
    const { buffer: room, byteOffset, length } = this.polled.bytes;
    this.entries = new DataView(room, byteOffset, length);
    this.writeEntry(0, wakeFd);
    for (const port of plan.ports) this.addPort(port);
  }

  /** Takes a port more. */
  addPort(plan: PortPlan): void {
    const port = new PacketPort(plan, this.locks, this.pool);
    this.ports.push(port);
    this.writeEntry(this.ports.length, port.fd);
    port.recycle();
  }

  /** Ends what was begun in a batch: sends what waits, and gives frames back to the kernel. */
  finishBatch(): void {
    for (let i = 0; i < this.ports.length; i++) this.ports[i]!.flush();
    for (let i = 0; i < this.ports.length; i++) this.ports[i]!.recycle();
  }

  /**
   * Waits for packets, for `timeoutMs` at most, or until the descriptor for waking is readable: then it gives true.
   */
  wait(timeoutMs: number): boolean {
    if (pollDescriptors(this.polled.address, this.ports.length + 1, timeoutMs) <= 0) return false;
    return this.entries.getInt16(6, true) !== 0;
  }

  /** A port whose interface is gone; undefined for none. A socket does not tell by itself: to be asked now and then. */
  findBroken(): PacketPort | undefined {
    return this.ports.find(({ fd }) => kickSender(fd) === -ENXIO);
  }

  private writeEntry(index: number, fd: number): void {
    this.entries.setInt32(index * POLL_ENTRY_BYTES, fd, true);
    this.entries.setInt16(index * POLL_ENTRY_BYTES + 4, POLLIN, true);
    this.entries.setInt16(index * POLL_ENTRY_BYTES + 6, 0, true);
  }
}

/**
 * Memory for packets and the sockets that fill and empty it: made by one thread, which hands every worker a plan to use its part by. Owns
 * what has to be given back; closing it comes after all workers have let go.
 *
 * ```
 *             fill ring                 receive ring
 *   free ------------------> kernel -----------------> worker: the packet leaves from the frame it came in
 *    ^                                                   |
 *    |      completion ring              send ring       |
 *    +----------------------- kernel <-------------------+
 * ```
 * Every interface has one socket for each queue and worker that packets come in by; those that lead to servers only, one for each worker.
 */
import { SubflowError } from '../../base/index.js';
import { unmapMemory } from '../libc.js';
import type { InterfaceFacts } from './interface-facts.js';
import type { PortPlan } from './packet-port.js';
import { maxPorts, type RingPlan } from './worker-rings.js';
import {
  allocateFrames,
  XdpSocket,
  type FrameMemory,
  type RingSizes,
  type XdpSocketStatistics,
} from './xdp-socket.js';

/** Most sockets that packets come in by at one interface: places in the map of the program (bpf/to_sockets.c). */
export const maxSocketsEach = 64;
/** Places of rings unless others are asked for. */
const defaultSizes: RingSizes = { receive: 2048, send: 2048, fill: 2048, completion: 2048 };
/** Frames of 2 KiB do for packets up to this. */
const smallFrameMtu = 1700;

/** How to make them. */
export interface PacketRingsOptions {
  /** Interfaces that packets come in by. */
  readonly interfaces: readonly InterfaceFacts[];
  readonly workers: number;
  /** What differs from 2048 places each; powers of two. */
  readonly sizes?: Partial<RingSizes>;
}

interface OpenPort {
  readonly socket: XdpSocket;
  readonly worker: number;
  readonly lock: number;
  readonly isReceiving: boolean;
}

/** See the module. */
export class PacketRings {
  private readonly sizes: RingSizes;
  private readonly workers: number;
  private readonly memory: FrameMemory;
  private readonly frames: number;
  private readonly locks: SharedArrayBuffer;
  private readonly ports: OpenPort[] = [];
  private closed = false;

  /**
   * Throws as {@link XdpSocket} does, and `ERR_SUBFLOW_LIMIT` for too many sockets. `EBUSY` is also what a queue gives that was in use
   * until some milliseconds ago.
   */
  constructor(options: PacketRingsOptions) {
    const { interfaces, workers } = options;
    this.workers = workers;
    this.sizes = { ...defaultSizes, ...options.sizes };
    const queues = interfaces.reduce((sum, each) => sum + each.queues, 0);
    const { fill, receive, send } = this.sizes;
    this.frames = queues * (fill + workers * receive) + workers * send;
    const mtu = Math.max(...interfaces.map((each) => each.mtu));
    this.memory = allocateFrames(this.frames, mtu <= smallFrameMtu ? 2048 : 4096);
    this.locks = new SharedArrayBuffer(4 * maxPorts);
    try {
      for (const each of interfaces) this.openQueues(each);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  private openQueues(each: InterfaceFacts): void {
    if (each.queues * this.workers > maxSocketsEach) {
      throw new SubflowError(
        'ERR_SUBFLOW_LIMIT',
        `${each.queues} queues of ${each.name} and ${this.workers} workers need more than ${maxSocketsEach} sockets`,
        { hint: `Give it fewer queues (ethtool -L ${each.name}), or the path fewer workers.` },
      );
    }
    for (let queue = 0; queue < each.queues; queue++) this.openQueue(each, queue, true);
  }

  /** One socket for each worker, or none. */
  private openQueue(each: InterfaceFacts, queue: number, isReceiving: boolean): void {
    const { sizes, memory } = this;
    const lock = this.ports.length / this.workers;
    if (lock >= maxPorts)
      throw new SubflowError('ERR_SUBFLOW_LIMIT', `more than ${maxPorts} queues for each worker`);
    const opened: OpenPort[] = [];
    try {
      for (let worker = 0; worker < this.workers; worker++) {
        const neighbour = opened[0]?.socket;
        const first = this.ports[0]?.socket ?? neighbour;
        const socket = new XdpSocket(
          { interfaceIndex: each.index, queue, sizes, label: each.name },
          first === undefined ? { memory } : { first, neighbour },
        );
        opened.push({ socket, worker, lock, isReceiving });
      }
    } catch (error) {
      for (const { socket } of opened) socket.close();
      throw error;
    }
    this.ports.push(...opened);
  }

  /**
   * Makes sure that every worker can send by an interface. Gives what the workers have to be told: undefined when they could before.
   * Throws as the constructor does.
   */
  openSending(each: InterfaceFacts): readonly PortPlan[] | undefined {
    if (this.ports.some(({ socket }) => socket.interfaceIndex === each.index)) return undefined;
    const before = this.ports.length;
    this.openQueue(each, 0, false);
    return this.ports.slice(before).map(planOf);
  }

  /** What `worker` needs to begin, 0 the first. */
  plan(worker: number): RingPlan {
    const share = Math.floor(this.frames / this.workers);
    return {
      memory: this.memory,
      ports: this.ports.filter((port) => port.worker === worker).map(planOf),
      locks: this.locks,
      firstFrame: worker * share,
      frames: share,
      allFrames: this.frames,
    };
  }

  /** Descriptors of the sockets by which packets of an interface come in, as the program wants them: queue after queue. */
  receivers(interfaceIndex: number): number[] {
    return this.ports
      .filter(({ socket, isReceiving }) => isReceiving && socket.interfaceIndex === interfaceIndex)
      .map(({ socket }) => socket.fd);
  }

  /** What the kernel counted of all sockets together. */
  statistics(): XdpSocketStatistics {
    const sum = { dropped: 0, ringFull: 0, noFrame: 0, invalid: 0 };
    for (const { socket } of this.ports) {
      const { dropped, ringFull, noFrame, invalid } = socket.statistics();
      sum.dropped += dropped;
      sum.ringFull += ringFull;
      sum.noFrame += noFrame;
      sum.invalid += invalid;
    }
    return sum;
  }

  /** Closes all sockets and gives the memory back. No thread may use any of it any more: that would end the process. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const { socket } of this.ports) socket.close();
    unmapMemory(this.memory.address, this.memory.bytes);
  }
}

function planOf({ socket, lock, isReceiving }: OpenPort): PortPlan {
  const { interfaceIndex, queue, fd, receive, send, shared } = socket;
  return { interfaceIndex, queue, fd, receive, send, shared, lock, isReceiving };
}

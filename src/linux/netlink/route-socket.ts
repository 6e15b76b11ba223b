/**
 * A socket that asks the kernel about links, routes and neighbours, and one that hears when they change. The kernel answers within the
 * call that asks, so that nothing is waited for.
 *
 * Read first: rtnetlink(7).
 */
import { closeSync } from 'node:fs';
import { SubflowError } from '../../base/index.js';
import { EAGAIN, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from '../constants.js';
import {
  bind,
  NativeBuffer,
  readInto,
  receiveInto,
  sendFrom,
  socket,
  SocketAddressBuffer,
  watchReadable,
  type ReadableWatch,
} from '../libc.js';
import {
  type Attribute,
  encodeAttributes,
  NETLINK_HEADER_BYTES,
  type RouteMessage,
  routeMessagesOf,
} from '../../netlink/index.js';
import { errnoOf, readDump } from './dump.js';
import { NetlinkError } from './netlink-socket.js';

const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
/** Questions about sockets (sock_diag(7)). */
export const NETLINK_SOCK_DIAG = 4;
const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
const NLM_F_DUMP = 0x300;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const BUFFER_BYTES = 32 << 10;
/** Messages that are read for one answer. */
const MAX_READS = 64;

/** What is asked; `header` is the structure of the type, such as `struct rtmsg`. */
export interface RouteRequest {
  readonly type: number;
  /** Beyond NLM_F_REQUEST and NLM_F_ACK. */
  readonly flags?: number;
  readonly header: Uint8Array;
  readonly attributes: readonly Attribute[];
}

/** A socket for questions. */
export class RouteSocket {
  private readonly fd: number;
  private readonly buffer = new NativeBuffer(BUFFER_BYTES);
  private readonly from = new SocketAddressBuffer();
  private sequence = 0;

  /** Opens one in the calling thread's namespace; `protocol` is another than rtnetlink's for those that speak in the same way. */
  constructor(protocol = NETLINK_ROUTE) {
    this.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  }

  /**
   * Asks, and gives the first message of data that came with the answer, without its netlink header; undefined when none did.
   * @throws NetlinkError with the kernel's code when it refuses.
   */
  request(label: string, request: RouteRequest): Uint8Array | undefined {
    this.send(label, request);
    let data: Uint8Array | undefined;
    for (let i = 0; i < MAX_READS; i++) {
      const heard = this.receive();
      if (heard === -EAGAIN) break;
      if (typeof heard === 'number') throw new NetlinkError(label, -heard, '');
      for (const { type, sequence, body } of routeMessagesOf(heard.slice())) {
        if (sequence !== this.sequence) continue;
        if (type !== NLMSG_ERROR) {
          if (type !== NLMSG_DONE) data ??= body;
          continue;
        }
        const errno = errnoOf(body);
        if (errno !== 0) throw new NetlinkError(label, errno, '');
        return data;
      }
    }
    throw new SubflowError('ERR_SUBFLOW_NETLINK', `${label}: the kernel did not answer as netlink wants`);
  }

  /**
   * Asks for everything of a kind: what `read` makes of each message, up to `most`, from 128 MiB of them for each question: a machine with
   * more than a million routes hears of the first ones. The bytes of a message are its own only while `read` has it. Close the socket after
   * an error.
   * @throws as {@link readDump}.
   */
  dump<T>(
    label: string,
    request: Omit<RouteRequest, 'flags'>,
    read: (message: RouteMessage) => T | undefined,
    most?: number,
  ): T[] {
    const channel = {
      ask: (): number => this.send(label, { ...request, flags: NLM_F_DUMP }),
      receive: (): Uint8Array | number => this.receive(),
    };
    return readDump(label, channel, read, most);
  }

  close(): void {
    closeSync(this.fd);
  }

  /** What one receive call gives, until the next one; a negative error number where it gives nothing. */
  private receive(): Uint8Array | number {
    const length = receiveInto(this.fd, this.buffer.address, BUFFER_BYTES, this.from);
    return length < 0 ? length : this.buffer.bytes.subarray(0, length);
  }

  /** Gives the sequence number of the question. */
  private send(label: string, { type, flags = 0, header, attributes }: RouteRequest): number {
    const tail = encodeAttributes(attributes);
    const bytes = new Uint8Array(NETLINK_HEADER_BYTES + header.length + tail.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, bytes.length, true);
    view.setUint16(4, type, true);
    view.setUint16(6, NLM_F_REQUEST | NLM_F_ACK | flags, true);
    view.setUint32(8, ++this.sequence, true);
    bytes.set(header, NETLINK_HEADER_BYTES);
    bytes.set(tail, NETLINK_HEADER_BYTES + header.length);
    this.buffer.bytes.set(bytes);
    const kernel = new Uint8Array(12);
    new DataView(kernel.buffer).setUint16(0, AF_NETLINK, true);
    const sent = sendFrom(this.fd, this.buffer.address, bytes.length, kernel);
    if (sent < 0) throw new NetlinkError(label, -sent, '');
    return this.sequence;
  }
}

/** A socket that hears of `groups` (RTMGRP_... of linux/rtnetlink.h), in the calling thread's namespace. The caller closes it. */
export function openRouteListener(groups: number): number {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  const address = new Uint8Array(12);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(8, groups, true);
  try {
    bind(fd, address, 'rtnetlink');
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Calls `onChange` from the event loop when something in `groups` (RTMGRP_... of linux/rtnetlink.h) changed. What did is not told: whoever
 * wants to know asks, so that an announcement that was lost does no lasting harm. Opened in the calling thread's namespace.
 */
export function watchRoutes(groups: number, onChange: () => void): ReadableWatch {
  const fd = openRouteListener(groups);
  const buffer = new NativeBuffer(BUFFER_BYTES);
  const watch = watchReadable(fd, () => {
    // More announcements than could be held (ENOBUFS) mean the same.
    for (let i = 0; i < MAX_READS && readInto(fd, buffer.address, BUFFER_BYTES) > 0; i++);
    onChange();
  });
  return {
    close(): void {
      watch.close();
      closeSync(fd);
    },
  };
}

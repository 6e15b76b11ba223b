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
import { type Attribute, encodeAttributes } from './message.js';
import { NetlinkError } from './netlink-socket.js';

const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const HEADER_BYTES = 16;
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
  private readonly fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  private readonly buffer = new NativeBuffer(BUFFER_BYTES);
  private readonly from = new SocketAddressBuffer();
  private sequence = 0;

  /**
   * Asks, and gives the first message of data that came with the answer, without its netlink header; undefined when none did.
   * @throws NetlinkError with the kernel's code when it refuses.
   */
  request(label: string, request: RouteRequest): Uint8Array | undefined {
    this.send(label, request);
    let data: Uint8Array | undefined;
    for (let i = 0; i < MAX_READS; i++) {
      const length = receiveInto(this.fd, this.buffer.address, BUFFER_BYTES, this.from);
      if (length === -EAGAIN) break;
      if (length < 0) throw new NetlinkError(label, -length, '');
      for (const { type, sequence, body } of messagesOf(this.buffer.bytes.slice(0, length))) {
        if (sequence !== this.sequence) continue;
        if (type !== NLMSG_ERROR) {
          if (type !== NLMSG_DONE) data ??= body;
          continue;
        }
        const errno = body.length < 4 ? 0 : -new DataView(body.buffer, body.byteOffset).getInt32(0, true);
        if (errno !== 0) throw new NetlinkError(label, errno, '');
        return data;
      }
    }
    throw new SubflowError('ERR_SUBFLOW_NETLINK', `${label}: the kernel did not answer as netlink wants`);
  }

  close(): void {
    closeSync(this.fd);
  }

  private send(label: string, { type, flags = 0, header, attributes }: RouteRequest): void {
    const tail = encodeAttributes(attributes);
    const bytes = new Uint8Array(HEADER_BYTES + header.length + tail.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, bytes.length, true);
    view.setUint16(4, type, true);
    view.setUint16(6, NLM_F_REQUEST | NLM_F_ACK | flags, true);
    view.setUint32(8, ++this.sequence, true);
    bytes.set(header, HEADER_BYTES);
    bytes.set(tail, HEADER_BYTES + header.length);
    this.buffer.bytes.set(bytes);
    const kernel = new Uint8Array(12);
    new DataView(kernel.buffer).setUint16(0, AF_NETLINK, true);
    const sent = sendFrom(this.fd, this.buffer.address, bytes.length, kernel);
    if (sent < 0) throw new NetlinkError(label, -sent, '');
  }
}

/**
 * Calls `onChange` from the event loop when something in `groups` (RTMGRP_... of linux/rtnetlink.h) changed. What did is not told: whoever
 * wants to know asks, so that an announcement that was lost does no lasting harm. Opened in the calling thread's namespace.
 */
export function watchRoutes(groups: number, onChange: () => void): ReadableWatch {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  const buffer = new NativeBuffer(BUFFER_BYTES);
  const address = new Uint8Array(12);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(8, groups, true);
  try {
    bind(fd, address, 'rtnetlink');
  } catch (error) {
    closeSync(fd);
    throw error;
  }
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

interface RouteMessage {
  readonly type: number;
  readonly sequence: number;
  readonly body: Uint8Array;
}

/** The messages in what one receive call gave; what is cut short at the end is left out. */
function messagesOf(bytes: Uint8Array): RouteMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const messages: RouteMessage[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || at + length > bytes.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      sequence: view.getUint32(at + 8, true),
      body: bytes.subarray(at + HEADER_BYTES, at + length),
    });
    at += (length + 3) & ~3;
  }
  return messages;
}

/**
 * A socket that asks the kernel by generic netlink. The kernel answers within the call that asks, so that nothing is
 * waited for.
 *
 * Read first: netlink(7).
 */
import { closeSync } from 'node:fs';
import { SubflowError } from '../../base/index.js';
import { EAGAIN, ENOBUFS, ENOENT, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from '../constants.js';
import {
  NativeBuffer,
  SocketAddressBuffer,
  receiveInto,
  sendFrom,
  setsockopt,
  socket,
  watchReadable,
  type ReadableWatch,
} from '../libc.js';
import { SystemError } from '../system-error.js';
import {
  decodeReplies,
  encodeRequest,
  readAttributes,
  textOf,
  type Attribute,
  type GenericRequest,
  type NetlinkReply,
} from '../../netlink/index.js';

const AF_NETLINK = 16;
const NETLINK_GENERIC = 16;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
/** The family that knows the others, and its one command that is used here. */
const GENL_ID_CTRL = 0x10;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_VERSION = 2;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
const CTRL_ATTR_GROUPS = 7;
const CTRL_GROUP_NAME = 1;
const CTRL_GROUP_ID = 2;

const MESSAGE_BYTES = 16 << 10;
/** Messages that are read for one answer. */
const MAX_READS = 64;

/** The kernel said no. */
export class NetlinkError extends SystemError {
  /** The kernel's own words; empty where it had none. */
  readonly said: string;

  constructor(command: string, errno: number, said: string) {
    super(command, errno, said === '' ? {} : { detail: said });
    this.name = 'NetlinkError';
    this.said = said;
  }
}

export class NetlinkSocket {
  private readonly fd: number;
  private readonly buffer = new NativeBuffer(MESSAGE_BYTES);
  private readonly from = new SocketAddressBuffer();
  private sequence = 0;

  /** Opens one in the calling thread's namespace. */
  constructor() {
    this.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_GENERIC);
    setsockopt(this.fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
    setsockopt(this.fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
  }

  /**
   * The number of the family called `name`.
   * @throws NetlinkError `ENOENT` where the kernel has none of that name.
   */
  family(name: string): number {
    const number = this.describe(name)?.get(CTRL_ATTR_FAMILY_ID);
    if (number === undefined || number.length < 2) throw noAnswer(`netlink family ${name}`);
    return new DataView(number.buffer, number.byteOffset, 2).getUint16(0, true);
  }

  /**
   * Has this socket hear what the family called `family` tells its group `name`; {@link drain} reads it.
   * @throws NetlinkError `ENOENT` where the kernel has none such.
   * @throws SystemError `EPERM` without the right to.
   */
  subscribe(family: string, name: string): void {
    const groups = readAttributes(this.describe(family)?.get(CTRL_ATTR_GROUPS) ?? new Uint8Array(0));
    for (const group of groups.values()) {
      const about = readAttributes(group);
      const id = about.get(CTRL_GROUP_ID);
      if (textOf(about.get(CTRL_GROUP_NAME)) !== name || id?.length !== 4) continue;
      const number = new DataView(id.buffer, id.byteOffset, 4).getUint32(0, true);
      setsockopt(this.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, number);
      return;
    }
    throw new NetlinkError(`netlink group ${name}`, ENOENT, '');
  }

  /** Calls `onReadable` from the event loop while there is something to {@link drain}; holds no process alive. */
  watch(onReadable: () => void): ReadableWatch {
    return watchReadable(this.fd, onReadable, false);
  }

  /** What was heard since; not whole where the kernel could not hold it all. */
  drain(): { readonly replies: readonly NetlinkReply[]; readonly isWhole: boolean } {
    const replies: NetlinkReply[] = [];
    let isWhole = true;
    // Whatever is left is read at the next turn of the event loop.
    for (let i = 0; i < MAX_READS; i++) {
      const length = receiveInto(this.fd, this.buffer.address, MESSAGE_BYTES, this.from);
      if (length > 0) replies.push(...decodeReplies(this.buffer.bytes.slice(0, length)));
      else if (length === -ENOBUFS) isWhole = false;
      else break;
    }
    return { replies, isWhole };
  }

  /** What the kernel says of a family. */
  private describe(name: string): ReadonlyMap<number, Uint8Array> | undefined {
    const attributes = [{ type: CTRL_ATTR_FAMILY_NAME, bytes: new TextEncoder().encode(`${name}\0`) }];
    return this.request(`netlink family ${name}`, {
      family: GENL_ID_CTRL,
      command: CTRL_CMD_GETFAMILY,
      version: CTRL_VERSION,
      attributes,
    });
  }

  /**
   * Has a command carried out. Gives the attributes of the first message of data that came with the answer, if any did.
   * @throws NetlinkError with the kernel's code when it refuses.
   */
  request(
    label: string,
    request: {
      readonly family: number;
      readonly command: number;
      readonly version: number;
      readonly attributes: readonly Attribute[];
    },
  ): ReadonlyMap<number, Uint8Array> | undefined {
    const sequence = this.send(label, request);
    return this.answer(label, sequence);
  }

  /**
   * Asks for everything of a kind: the attributes of each message.
   * @throws NetlinkError with the kernel's code when it refuses.
   */
  dump(label: string, request: Omit<GenericRequest, 'sequence' | 'dump'>): ReadonlyMap<number, Uint8Array>[] {
    const sequence = this.send(label, { ...request, dump: true });
    const found: ReadonlyMap<number, Uint8Array>[] = [];
    for (const reply of this.replies(label, sequence)) {
      if (reply.kind === 'data') found.push(reply.attributes);
      else if (reply.kind === 'done') return found;
      else if (reply.errno !== 0) throw new NetlinkError(label, reply.errno, reply.message);
    }
    throw noAnswer(label);
  }

  private send(label: string, request: Omit<GenericRequest, 'sequence'>): number {
    const sequence = ++this.sequence;
    const bytes = encodeRequest({ ...request, sequence });
    this.buffer.bytes.set(bytes);
    const kernel = new Uint8Array(12);
    new DataView(kernel.buffer).setUint16(0, AF_NETLINK, true);
    const sent = sendFrom(this.fd, this.buffer.address, bytes.length, kernel);
    if (sent < 0) throw new NetlinkError(label, -sent, '');
    return sequence;
  }

  /** Reads until the acknowledgment. */
  private answer(label: string, sequence: number): ReadonlyMap<number, Uint8Array> | undefined {
    let data: ReadonlyMap<number, Uint8Array> | undefined;
    for (const reply of this.replies(label, sequence)) {
      if (reply.kind === 'data') data ??= reply.attributes;
      else if (reply.kind === 'done') continue;
      else if (reply.errno === 0) return data;
      else throw new NetlinkError(label, reply.errno, reply.message);
    }
    throw noAnswer(label);
  }

  /** What the kernel has to say to the request with `sequence`, as long as there is something and it is asked for. */
  private *replies(label: string, sequence: number): Generator<NetlinkReply> {
    for (let i = 0; i < MAX_READS; i++) {
      const length = receiveInto(this.fd, this.buffer.address, MESSAGE_BYTES, this.from);
      if (length === -EAGAIN) return;
      if (length < 0) throw new NetlinkError(label, -length, '');
      for (const reply of decodeReplies(this.buffer.bytes.slice(0, length))) {
        if (reply.sequence === sequence) yield reply;
      }
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}

function noAnswer(label: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_NETLINK', `${label}: the kernel did not answer as netlink wants`);
}

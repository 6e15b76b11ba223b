/**
 * Reads the answer to a question for everything of a kind, which comes in as many messages as it takes; asks again where the kernel says
 * that what it lists changed meanwhile, and where it falls silent before the end. Knows no system calls: whoever has a socket lends it.
 *
 * Read first: netlink(7); Documentation/userspace-api/netlink/intro.rst of the kernel (dump consistency).
 */
import { SubflowError } from '../../base/index.js';
import { type RouteMessage, routeMessagesOf } from '../../netlink/index.js';
import { EAGAIN } from '../constants.js';
import { NetlinkError } from './netlink-socket.js';

const NLM_F_DUMP_INTR = 0x10;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** How often it is asked before what there is has to do. */
export const MAX_DUMP_ATTEMPTS = 4;
/** Messages that are read for one answer: 128 MiB of them. */
const MAX_READS = 4096;

/** A socket, as far as it is needed here. */
export interface DumpChannel {
  /** Asks; gives the sequence number of the question. */
  ask(): number;
  /** What one receive call gave, which need not outlive the next one; a negative error number where it gave nothing. */
  receive(): Uint8Array | number;
}

/** What an answer came to: `changed` may have some things twice, and others not at all. */
interface Answer<T> {
  readonly end: 'whole' | 'changed' | 'silent';
  readonly found: T[];
}

/**
 * What `read` makes of the messages, whose bytes it must not keep, up to `most` of them; those that it makes nothing of are left out. What changes again and again while
 * it is listed is given as it was listed last.
 * @throws NetlinkError with the kernel's code when it refuses; SubflowError `ERR_SUBFLOW_NETLINK` when it does not answer to the end.
 */
export function readDump<T>(
  label: string,
  channel: DumpChannel,
  read: (message: RouteMessage) => T | undefined,
  most = Number.POSITIVE_INFINITY,
): T[] {
  for (let attempt = 1; ; attempt++) {
    const { end, found } = readAnswer(label, channel, read, most);
    if (end === 'whole') return found;
    if (attempt < MAX_DUMP_ATTEMPTS) continue;
    if (end === 'changed') return found;
    throw new SubflowError('ERR_SUBFLOW_NETLINK', `${label}: the kernel did not answer to the end`);
  }
}

function readAnswer<T>(
  label: string,
  channel: DumpChannel,
  read: (message: RouteMessage) => T | undefined,
  most: number,
): Answer<T> {
  const asked = channel.ask();
  const found: T[] = [];
  let hasChanged = false;
  for (let i = 0; i < MAX_READS; i++) {
    const heard = channel.receive();
    if (heard === -EAGAIN) return { end: 'silent', found };
    if (typeof heard === 'number') throw new NetlinkError(label, -heard, '');
    for (const message of routeMessagesOf(heard)) {
      const { type, flags, sequence, body } = message;
      if (sequence !== asked) continue;
      if (type === NLMSG_ERROR) throw new NetlinkError(label, errnoOf(body), '');
      if ((flags & NLM_F_DUMP_INTR) !== 0) hasChanged = true;
      if (type === NLMSG_DONE) return { end: hasChanged ? 'changed' : 'whole', found };
      const item = found.length < most ? read(message) : undefined;
      if (item !== undefined) found.push(item);
    }
  }
  return { end: 'whole', found };
}

/** The positive error number of an NLMSG_ERROR; 0: all is well. */
export function errnoOf(body: Uint8Array): number {
  return body.length < 4 ? 0 : -new DataView(body.buffer, body.byteOffset).getInt32(0, true);
}

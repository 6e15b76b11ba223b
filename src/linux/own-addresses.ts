/**
 * Which addresses the kernel takes for this machine's own: those of its interfaces, and whatever else its tables call local, as where a
 * machine answers for a whole network. The kernel is asked, so that nothing has to be kept up to date; an answer holds for a moment, for
 * the sake of those who ask about every datagram.
 *
 * Read first: rtnetlink(7), ip-route(8) (local, anycast).
 */
import { performance } from 'node:perf_hooks';
import { SubflowError } from '../base/index.js';
import type { IpAddress } from '../wire/index.js';
import { inside, type NetworkNamespace } from './namespace.js';
import { NetlinkError, routeQueryTo, RouteSocket, routingMessages } from './netlink/index.js';

const RTN_LOCAL = 2;
const RTN_ANYCAST = 4;
/** How long an answer holds, in ms. */
const ANSWER_MS = 1_000;
/** What the kernel says where there is no way to a destination: of no route, and of routes that forbid, hide and drop. */
const waylessCodes = ['ENETUNREACH', 'EHOSTUNREACH', 'EACCES', 'EINVAL'];
/** Answers that are remembered; the oldest makes way. */
const MAX_ANSWERS = 1_024;

interface Answer {
  readonly isOwn: boolean;
  readonly untilMs: number;
}

/** See the module. */
export class OwnAddresses {
  private readonly namespace: NetworkNamespace | undefined;
  private socket: RouteSocket | undefined = undefined;
  private readonly answers = new Map<string, Answer>();

  /** Of `namespace`; of the namespace of the thread that asks first when absent. */
  constructor(namespace?: NetworkNamespace) {
    this.namespace = namespace;
  }

  /** Whether packets to `address` stay on this machine. Where the kernel cannot be asked they might: true. */
  has(address: IpAddress): boolean {
    const key = address.toString();
    const nowMs = performance.now();
    const known = this.answers.get(key);
    if (known !== undefined && known.untilMs > nowMs) return known.isOwn;
    const isOwn = this.ask(address);
    this.answers.delete(key);
    this.answers.set(key, { isOwn, untilMs: nowMs + ANSWER_MS });
    if (this.answers.size > MAX_ANSWERS) this.answers.delete(this.answers.keys().next().value!);
    return isOwn;
  }

  private ask(address: IpAddress): boolean {
    try {
      this.socket ??= inside(this.namespace, () => new RouteSocket());
      const request = { type: routingMessages.getRoute, ...routeQueryTo(address) };
      const kind = this.socket.request('the route to a destination', request)?.[7];
      return kind === RTN_LOCAL || kind === RTN_ANYCAST;
    } catch (error) {
      if (!(error instanceof SubflowError)) throw error;
      return !(error instanceof NetlinkError && waylessCodes.includes(error.code));
    }
  }

  /** Asks no more; what asks again opens it again. */
  close(): void {
    this.socket?.close();
    this.socket = undefined;
  }
}

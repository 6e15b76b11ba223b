/**
 * Fast Open for a host: what its SYNs offer, how it answers those of others, and what it learns from how that went. It
 * joins the cookies it makes, the cookies it was given and the listeners' limits; what happens on one connection is
 * tcp's and mptcp's. Read first: RFC 7413 §4 and §5.
 */
import type { RandomSource } from '../base/index.js';
import type { FastOpenStatus } from '../mptcp/index.js';
import type { FastOpenAnswer, FastOpenOffer } from '../tcp/index.js';
import type { Endpoint, IpAddress, TcpSegment } from '../wire/index.js';
import type { StackCounters } from './counters.js';
import { FastOpenCache } from './fast-open-cache.js';
import { FastOpenCookies } from './fast-open-cookies.js';
import { FastOpenQueue } from './fast-open-queue.js';
import type { StackSettings } from './settings.js';

/**
 * How an active open uses Fast Open: true asks the server for a cookie where none is known, and with one known what is
 * written before the stack is next polled goes with the SYN. 'without-cookie' sends it with the first SYN already, for
 * servers that are set up to need none; any other ignores that data, and it is sent again.
 */
export type FastOpenMode = boolean | 'without-cookie';

/** How a listener takes Fast Open. */
export interface FastOpenListenOptions {
  /** Connections that a SYN alone made, at a time, until the client's ACK comes; the host's limit when left out. */
  readonly maxPending?: number;
  /**
   * Whether SYNs need a cookie for their data to count. Without, anybody can have a server work for SYNs with forged
   * addresses: only for networks where that cannot be (RFC 7413 §5.2). True when left out.
   */
  readonly requireCookie?: boolean;
  /**
   * Whether an answer over Multipath TCP version 1 may leave before the client's key has come (RFC 8684 appendix B.3):
   * a round trip sooner, but Linux goes on as plain TCP when it sees that. Plain TCP and version 0 always answer at once.
   * False when left out.
   */
  readonly earlyAnswer?: boolean;
}

/** The part of a listener that is about Fast Open. */
export interface FastOpenListener {
  readonly queue: FastOpenQueue;
  readonly requiresCookie: boolean;
  readonly answersEarly: boolean;
}

/** What a connection made with Fast Open keeps until it is settled. */
export interface FastOpenSocket {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Where it counts as pending; undefined once settled, and for the client. */
  fastOpenQueue: FastOpenQueue | undefined;
  /** What its SYN offered; undefined once settled, and for the server. */
  fastOpenOffer: FastOpenOffer | undefined;
}

/** Most bytes of options: an MSS does not count them, a SYN has most of them (RFC 9293 §3.7.1, RFC 6691). */
const OPTION_BYTES = 40;
/** What a server is taken to accept in a segment before its MSS is known (RFC 9293 §3.7.1). */
const DEFAULT_MSS_IPV4 = 536;
const DEFAULT_MSS_IPV6 = 1220;
const nothing = new Uint8Array(0);

/** Makes what a listener needs; undefined when it is not to take Fast Open. */
export function fastOpenListener(
  options: boolean | FastOpenListenOptions | undefined,
  limit: number,
): FastOpenListener | undefined {
  if (options === undefined || options === false) return undefined;
  const { maxPending = limit, requireCookie = true, earlyAnswer = false } = options === true ? {} : options;
  return { queue: new FastOpenQueue(maxPending), requiresCookie: requireCookie, answersEarly: earlyAnswer };
}

export class FastOpenDesk {
  private readonly settings: StackSettings;
  private readonly random: RandomSource;
  private readonly counters: StackCounters;
  /** Made when first needed, so that hosts without Fast Open draw nothing for it. */
  private cookies: FastOpenCookies | undefined = undefined;
  private readonly cache: FastOpenCache;

  constructor(settings: StackSettings, random: RandomSource, counters: StackCounters) {
    this.settings = settings;
    this.random = random;
    this.counters = counters;
    this.cache = new FastOpenCache(settings.maxFastOpenPeers, settings.fastOpenCookieLifeNs);
  }

  // Client

  /** What a SYN from `local` to `remote` is to offer; undefined for nothing, because it was lost there not long ago. */
  offer(
    now: number,
    mode: FastOpenMode,
    local: IpAddress,
    remote: IpAddress,
    maxSegmentSize: number,
  ): FastOpenOffer | undefined {
    if (mode === false) return undefined;
    const known = this.cache.find(now, local, remote);
    if (known !== undefined && now < known.restsUntil) {
      this.counters.fastOpenRested++;
      return undefined;
    }
    const mss = known === undefined || known.mss === 0 ? defaultMss(remote) : known.mss;
    const maxDataBytes = Math.max(0, Math.min(mss, maxSegmentSize) - OPTION_BYTES);
    if (known?.cookie !== undefined)
      return { cookie: known.cookie, experimental: known.experimental, maxDataBytes };
    if (mode === 'without-cookie') return { cookie: undefined, experimental: false, maxDataBytes };
    return { cookie: nothing, experimental: false, maxDataBytes: 0 };
  }

  // Server

  /** How `listener` takes a SYN that came from `remote`; undefined for as if there were no Fast Open. */
  answer(
    now: number,
    listener: FastOpenListener,
    syn: TcpSegment,
    local: IpAddress,
    remote: IpAddress,
  ): FastOpenAnswer | undefined {
    const { counters } = this;
    const { fastOpenLength: length, fastOpenExperimental: experimental } = syn;
    const isFree = !listener.requiresCookie && syn.payloadLength > 0;
    if (length < 0 && !isFree) return undefined;
    this.cookies ??= new FastOpenCookies(now, this.random, this.settings.fastOpenKeyLifeNs);
    const { cookies } = this;
    if (length === 0 && !isFree) {
      counters.fastOpenCookiesGiven++;
      return { isAccepted: false, cookie: cookies.make(now, local, remote), experimental };
    }
    if (!listener.queue.hasRoom(now)) {
      counters.fastOpenOverflows++;
      return undefined;
    }
    const verdict =
      length > 0 ? cookies.check(now, local, remote, syn.bytes, syn.fastOpenOffset, length) : 'wrong';
    const isAccepted = isFree || verdict !== 'wrong';
    if (isAccepted) counters.fastOpensAccepted++;
    else counters.fastOpenCookiesRejected++;
    // RFC 7413 §4.1.2: who shows an old cookie, or none that is right, gets the one of now.
    const isCookieDue = length >= 0 && verdict !== 'current';
    return { isAccepted, cookie: isCookieDue ? cookies.make(now, local, remote) : undefined, experimental };
  }

  /** Takes a new key for cookies now; the ones given out so far stay good for the lifetime of a key. */
  rotateKey(now: number): void {
    if (this.cookies === undefined)
      this.cookies = new FastOpenCookies(now, this.random, this.settings.fastOpenKeyLifeNs);
    else this.cookies.rotate(now);
  }

  // Both

  /** Fast Open of `socket` is settled. */
  settle(now: number, socket: FastOpenSocket, status: FastOpenStatus): void {
    socket.fastOpenQueue?.leave(now, false);
    socket.fastOpenQueue = undefined;
    const offer = socket.fastOpenOffer;
    socket.fastOpenOffer = undefined;
    if (offer !== undefined) this.learn(now, socket, offer, status);
  }

  /** The connection of `socket` is over; `isReset`: because the peer reset it. */
  close(now: number, socket: FastOpenSocket, isReset: boolean): void {
    socket.fastOpenQueue?.leave(now, isReset);
    socket.fastOpenQueue = undefined;
    if (socket.fastOpenOffer === undefined) return;
    socket.fastOpenOffer = undefined;
    this.noteLoss(now, socket);
  }

  private learn(now: number, socket: FastOpenSocket, offer: FastOpenOffer, status: FastOpenStatus): void {
    const { counters, cache } = this;
    const local = socket.local.address;
    const remote = socket.remote.address;
    const { cookie, sentBytes, acceptedBytes } = status;
    if (cookie !== undefined) cache.learn(now, local, remote, cookie, status.experimental, status.peerMss);
    if (acceptedBytes > 0) counters.fastOpensActive++;
    else if (sentBytes > 0) counters.fastOpensRefused++;
    if (acceptedBytes > 0 || cookie !== undefined) cache.noteSuccess(local, remote);
    else if (status.lostSyns > 0 && (sentBytes > 0 || offer.cookie !== undefined)) this.noteLoss(now, socket);
  }

  private noteLoss(now: number, socket: FastOpenSocket): void {
    this.counters.fastOpenLosses++;
    this.cache.noteLoss(now, socket.local.address, socket.remote.address);
  }
}

function defaultMss(remote: IpAddress): number {
  return remote.family === 4 ? DEFAULT_MSS_IPV4 : DEFAULT_MSS_IPV6;
}

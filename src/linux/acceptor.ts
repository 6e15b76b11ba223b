/**
 * Connections that come to a listener, as descriptors, and the word that none could be had: `net` takes connections as well, and closes
 * them without a word to anybody where descriptors have run out. They are closed here, too, since whoever is let in at once and turned
 * away knows more than whoever waits for ever; to that end one descriptor is kept in hand.
 *
 * Read first: accept(2), "Error handling".
 */
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { acceptFrom, type ReadableWatch, SocketAddressBuffer, watchReadable } from './libc.js';
import { decodeSocketAddress, type SocketAddress } from './socket-address.js';

const { EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM } = constants.errno;
const shortages: readonly number[] = [EMFILE, ENFILE, ENOBUFS, ENOMEM];

/** Taken before others on the event loop have their turn: what those before are set up with comes in between. */
const CALLS_PER_TURN = 16;
/** Until the next attempt, where not even a client could be closed, in ms. */
const PAUSE_MS = 100;

/** Told of what comes. */
export interface ArrivalListener {
  /** `fd`, non-blocking, is the listener's to close; `peer`: where it comes from, undefined for what is no address of IP. */
  onArrival(fd: number, peer: SocketAddress | undefined): void;
  /** One was closed at once, for want of what `code` says; or, without a `peer`, not even that could be done, and they wait. */
  onShortage(code: string, peer: SocketAddress | undefined): void;
}

/** Calls `accept` whenever somebody may wait at the listener `fd`, and again for as long as it says that there may be more. */
export type WatchArrivals = (fd: number, accept: () => boolean) => ReadableWatch;

/** See the module. */
export class Acceptor {
  private readonly fd: number;
  private readonly listener: ArrivalListener;
  private readonly watchArrivals: WatchArrivals;
  private readonly from = new SocketAddressBuffer();
  /** The descriptor in hand; undefined where another had it at once. */
  private spare: number | undefined = undefined;
  private watch: ReadableWatch | undefined = undefined;
  private pause: NodeJS.Timeout | undefined = undefined;
  private isClosed = false;

  /**
   * Takes what comes to `fd`, which listens, is non-blocking and stays the caller's, until it is closed. Holds the process alive.
   * `watchArrivals`: default, the event loop.
   */
  constructor(fd: number, listener: ArrivalListener, watchArrivals: WatchArrivals = watchReadable) {
    this.fd = fd;
    this.listener = listener;
    this.watchArrivals = watchArrivals;
    this.resume();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearTimeout(this.pause);
    this.watch?.close();
    if (this.spare !== undefined) closeSync(this.spare);
  }

  private resume(): void {
    this.spare ??= openSpare();
    this.watch = this.watchArrivals(this.fd, () => this.acceptAll());
  }

  /** Whether there may be more. Whoever is told may close this. */
  private acceptAll(): boolean {
    for (let calls = 0; calls < CALLS_PER_TURN; calls++) {
      if (this.isClosed) return false;
      const result = acceptFrom(this.fd, this.from);
      if (result >= 0) this.listener.onArrival(result, this.peer());
      else if (result === -EAGAIN) return false;
      else if (shortages.includes(-result) && !this.shed(result)) return false;
      // Any other error is that of a connection which failed while it waited.
    }
    return true;
  }

  private peer(): SocketAddress | undefined {
    return decodeSocketAddress(this.from.bytes);
  }

  /** Closes the next client, by the descriptor in hand; false where that cannot be, or where there is none. */
  private shed(error: number): boolean {
    if (this.spare !== undefined) closeSync(this.spare);
    const taken = this.spare === undefined ? error : acceptFrom(this.fd, this.from);
    if (taken >= 0) closeSync(taken);
    this.spare = openSpare();
    if (taken >= 0 || taken !== -EAGAIN)
      this.listener.onShortage(getSystemErrorName(error), taken >= 0 ? this.peer() : undefined);
    if (taken < 0 && taken !== -EAGAIN) this.wait();
    return taken >= 0;
  }

  private wait(): void {
    if (this.isClosed) return;
    this.watch?.close();
    this.pause = setTimeout(() => this.resume(), PAUSE_MS);
  }
}

function openSpare(): number | undefined {
  try {
    return openSync('/dev/null', 'r');
  } catch {
    return undefined;
  }
}

/**
 * Joins two connections: bytes, ends and resets of each go to the other. What one side does not take, the other is not asked
 * for: at most `MAX_HELD_BYTES` wait here in each direction. Knows nothing of who the two are, and no clock: that nothing
 * happens any more is for {@link RelaySet} to see.
 *
 * ```
 *  both open --end of one--> half closed --end of the other--> over ('ended')
 *      |                          |
 *      +--- reset or failure -----+--> the other is reset ('client-reset', 'server-reset')
 *      +--- abort ----------------+--> both are reset ('idle', 'drained' ...)
 * ```
 */
import type { RelayEndListener } from './relay-end.js';
import type { RelaySocket } from './relay-socket.js';

/** Why a relay is over. */
export type RelayOutcome =
  /** Both sides ended in good order. */
  | 'ended'
  /** One side was reset, or its path failed. */
  | 'client-reset'
  | 'server-reset'
  /** Nothing came for as long as that may be. */
  | 'idle'
  /** What carried it has had all that it may carry. */
  | 'capped'
  /** There was to be an end of it all, and this one did not end by itself in time. */
  | 'drained';

/** Names of the two sides: who asked, and who was asked for. */
export type RelaySide = 'client' | 'server';

/**
 * Bytes that come at once from which on a direction goes past this process, where both sides can, until a quarter of that comes: fewer are
 * read and written as cheaply (docs/decisions/0027-bytes-that-go-past.md).
 */
const POUR_FROM = 16_384;

/** See the module. */
export class Relay {
  /** Bytes from the client on their way to the server, those that are held included. */
  clientBytes = 0;
  /** Bytes the other way. */
  serverBytes = 0;
  /** Settles when it is over and both connections are closed. */
  readonly over: Promise<RelayOutcome>;
  private readonly client: RelaySocket;
  private readonly server: RelaySocket;
  private outcome: RelayOutcome = 'ended';
  /** Whether a reset went through here: the other side's end means nothing then. */
  private isBroken = false;
  /** Sides that are still there. */
  private open = 2;
  private finish: (outcome: RelayOutcome) => void = () => undefined;
  private readonly pourFrom: number;

  /** `pourFrom`: bytes that come at once from which on they may go past this process; Infinity: never. */
  constructor(client: RelaySocket, server: RelaySocket, pourFrom = POUR_FROM) {
    this.client = client;
    this.server = server;
    this.pourFrom = pourFrom;
    this.over = new Promise((resolve) => (this.finish = resolve));
  }

  /** Bytes held in both directions. */
  get heldBytes(): number {
    return this.client.heldBytes + this.server.heldBytes;
  }

  /** Bytes relayed so far in both directions. */
  get bytes(): number {
    return this.clientBytes + this.serverBytes;
  }

  /** Begins to relay; `early` and `received` are what was read from client and server before, and are copied if need be. */
  start(early: Uint8Array = new Uint8Array(0), received: Uint8Array = new Uint8Array(0)): void {
    const serverListener = this.listenerOf('server', this.client);
    const clientListener = this.listenerOf('client', this.server);
    this.server.listen(serverListener);
    this.client.listen(clientListener);
    if (received.length === 0 || serverListener.onBytes(received)) this.server.resume();
    if (early.length === 0 || clientListener.onBytes(early)) this.client.resume();
  }

  /** Resets both sides. */
  abort(outcome: RelayOutcome): void {
    if (this.isBroken || this.open === 0) return;
    this.isBroken = true;
    this.outcome = outcome;
    this.client.reset();
    this.server.reset();
  }

  private listenerOf(side: RelaySide, other: RelaySocket): RelayEndListener {
    const isClient = side === 'client';
    const own = isClient ? this.client : this.server;
    let hasEnded = false;
    const count = (bytes: number): void => {
      if (isClient) this.clientBytes += bytes;
      else this.serverBytes += bytes;
    };
    return {
      onBytes: (bytes) => {
        count(bytes.length);
        if (!other.write(bytes)) return false;
        if (bytes.length >= this.pourFrom) own.pourInto(other, count, this.pourFrom / 4);
        return true;
      },
      onEnd: () => {
        hasEnded = true;
        if (!this.isBroken) other.end();
      },
      // There is room again on this side: the other may go on.
      onRoom: () => other.resume(),
      onClose: (error) => {
        if (!this.isBroken && (error !== undefined || !hasEnded)) {
          this.isBroken = true;
          this.outcome = isClient ? 'client-reset' : 'server-reset';
          other.reset();
        }
        this.open--;
        if (this.open === 0) this.finish(this.outcome);
      },
    };
  }
}

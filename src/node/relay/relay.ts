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
import type { RelayEnd, RelayEndListener } from './relay-end.js';

/** Why a relay is over. */
export type RelayOutcome =
  /** Both sides ended in good order. */
  | 'ended'
  /** One side was reset, or its path failed. */
  | 'client-reset'
  | 'server-reset'
  /** Nothing came for as long as that may be. */
  | 'idle'
  /** There was to be an end of it all, and this one did not end by itself in time. */
  | 'drained';

/** Names of the two sides: who asked, and who was asked for. */
export type RelaySide = 'client' | 'server';

/** See the module. */
export class Relay {
  /** Bytes from the client on their way to the server, those that are held included. */
  clientBytes = 0;
  /** Bytes the other way. */
  serverBytes = 0;
  /** Settles when it is over and both connections are closed. */
  readonly over: Promise<RelayOutcome>;
  private readonly client: RelayEnd;
  private readonly server: RelayEnd;
  private outcome: RelayOutcome = 'ended';
  /** Whether a reset went through here: the other side's end means nothing then. */
  private isBroken = false;
  /** Sides that are still there. */
  private open = 2;
  private finish: (outcome: RelayOutcome) => void = () => undefined;

  constructor(client: RelayEnd, server: RelayEnd) {
    this.client = client;
    this.server = server;
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

  /** Begins to relay; `early` is what was read from the client before, and is copied if need be. */
  start(early: Uint8Array = new Uint8Array(0)): void {
    this.server.listen(this.listenerOf('server', this.client));
    const clientListener = this.listenerOf('client', this.server);
    this.client.listen(clientListener);
    this.server.resume();
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

  private listenerOf(side: RelaySide, other: RelayEnd): RelayEndListener {
    const isClient = side === 'client';
    let hasEnded = false;
    return {
      onBytes: (bytes) => {
        if (isClient) this.clientBytes += bytes.length;
        else this.serverBytes += bytes.length;
        return other.write(bytes);
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

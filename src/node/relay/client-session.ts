/**
 * What the sessions of all proxies have in common: a client that asks, may be refused in words, or is relayed to a server;
 * and that every step has a time. What is said, and in which protocol, is for those that extend it.
 *
 * ```
 *  asking --request--> opening --opened--> relaying --> over
 *    |                    |
 *    +----- refused ------+--> answered: the answer is sent, what comes is thrown away, then closed --> over
 *    +----- abort -----------------------------------------------------------------------------> over
 * ```
 */
import { isMultipath } from '../../linux/index.js';
import { formatEndpoint, type IpAddress } from '../../wire/index.js';
import type { RelayEndListener } from './relay-end.js';
import { Relay, type RelayOutcome } from './relay.js';
import type { Place, RelaySet } from './relay-set.js';
import type { RelaySocket } from './relay-socket.js';

/** Time that a client has to take an answer and to close, in ms. */
const FAREWELL_MS = 2_000;

/** Something that is set up, and can be told to end. */
export interface Abortable {
  abort(reason: string): void;
}

/** What the sessions of a proxy share. */
export interface SessionWorld {
  readonly relays: RelaySet;
  /** Sessions that are not over. */
  readonly sessions: Set<Abortable>;
  /** A clock that never goes back, in ms. */
  nowMs(): number;
  log(event: 'connected' | 'closed', fields: Record<string, unknown>): void;
}

/** Where a session stands. */
export type SessionPhase = 'asking' | 'opening' | 'answered' | 'relaying' | 'over';

/** See the module. */
export abstract class ClientSession implements RelayEndListener, Abortable {
  protected readonly client: RelaySocket;
  protected readonly address: IpAddress;
  protected phase: SessionPhase = 'asking';
  /** What is told of it when it is over. */
  protected readonly record: Record<string, unknown>;
  /** What became of it, where it was no relay. */
  protected outcome: 'ended' | 'failed' = 'failed';
  private readonly world: SessionWorld;
  private readonly place: Place | undefined;
  private readonly startedAt: number;
  private timer: NodeJS.Timeout | undefined = undefined;

  /** `place`: undefined where there is none for this client, who is only told so. */
  constructor(world: SessionWorld, client: RelaySocket, address: IpAddress, place: Place | undefined) {
    this.world = world;
    this.client = client;
    this.address = address;
    this.place = place;
    this.startedAt = world.nowMs();
    this.record = { client: formatEndpoint({ address, port: client.remotePort }) };
    client.listen(this);
    world.sessions.add(this);
  }

  abstract onBytes(bytes: Uint8Array): boolean;

  /** Lets go of what was begun for the client. */
  protected abstract giveUp(): void;

  onEnd(): void {
    // Nothing that could be answered came, or all was said.
    if (this.phase === 'asking') this.abort('no-request');
  }

  onRoom(): void {
    // What was said is out.
  }

  onClose(): void {
    const before = this.phase;
    this.phase = 'over';
    clearTimeout(this.timer);
    if (before !== 'answered') this.giveUp();
    this.place?.release();
    this.world.sessions.delete(this);
    this.world.log('closed', this.summary(this.outcome));
  }

  /** Ends whatever it is at; a relay is for {@link RelaySet} to end. */
  abort(reason: string): void {
    if (this.phase === 'over' || this.phase === 'relaying') return;
    this.record['reason'] ??= reason;
    this.giveUp();
    this.client.reset();
  }

  private summary(outcome: RelayOutcome | 'failed'): Record<string, unknown> {
    return { ...this.record, outcome, durationMs: Math.round(this.world.nowMs() - this.startedAt) };
  }

  /** Says the last thing. No reset at once, which would overtake it: so what still comes has to be read. */
  protected answer(bytes: Uint8Array): void {
    this.phase = 'answered';
    this.startTimer(FAREWELL_MS, () => this.client.reset());
    this.client.write(bytes);
    this.client.end();
    this.client.resume();
  }

  /** Joins the client to its server; `answer` is what it is told, `early` and `received` what was read of either. */
  protected relayTo(
    server: RelaySocket,
    answer: Uint8Array,
    early: Uint8Array,
    received: Uint8Array = new Uint8Array(0),
  ): void {
    const { client, world, record } = this;
    this.phase = 'relaying';
    clearTimeout(this.timer);
    this.place?.settle();
    record['clientMultipath'] = client.fd !== undefined && isMultipath(client.fd);
    record['serverMultipath'] = server.fd !== undefined && isMultipath(server.fd);
    if (answer.length > 0) client.write(answer);
    world.log('connected', { ...record, setupMs: Math.round(world.nowMs() - this.startedAt) });
    const relay = new Relay(client, server);
    void world.relays.run(relay, early, received).then((outcome) => {
      this.phase = 'over';
      this.place?.release();
      world.sessions.delete(this);
      const { clientBytes, serverBytes } = relay;
      world.log('closed', { ...this.summary(outcome), clientBytes, serverBytes });
    });
  }

  protected stopTimer(): void {
    clearTimeout(this.timer);
  }

  /** It is set up: it does not count as pending any more. */
  protected settle(): void {
    this.place?.settle();
  }

  protected startTimer(ms: number, action: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(action, ms);
  }
}

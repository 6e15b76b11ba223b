/**
 * All relays of a proxy: how many there may be, of one client and together; that one in which nothing happens ends; and that
 * all end when the proxy does. Knows no protocol: a place is taken when a client comes ({@link RelaySet.admit}), before
 * anybody knows what it wants.
 */
import type { RelayOutcome, Relay } from './relay.js';

/** Limits of a proxy. */
export interface RelayLimits {
  /** Clients' connections at a time, those that are still being set up included. */
  readonly maxConnections: number;
  /** The same of one address. */
  readonly maxPerClient: number;
  /** Connections of one address that are still being set up (RFC 8803 §9.3). */
  readonly maxPendingPerClient: number;
  /** Time without a byte in either direction after which a relay ends, in ms; to within a quarter. */
  readonly idleMs: number;
}

export const defaultRelayLimits: RelayLimits = {
  maxConnections: 10_000,
  maxPerClient: 1_000,
  maxPendingPerClient: 100,
  idleMs: 300_000,
};

/** A client's place. Each is given back once, whatever happens. */
export interface Place {
  /** The connection is set up: it does not count as pending any more. */
  settle(): void;
  release(): void;
}

/** Why there is no place. */
export type Refusal = 'too-many' | 'too-many-of-client' | 'too-many-pending' | 'closing';

interface Client {
  connections: number;
  pending: number;
}

interface Watched {
  readonly relay: Relay;
  /** Bytes when it was last looked at. */
  bytes: number;
  /** Looks in a row that saw no more bytes. */
  quiet: number;
}

/** Looks at each relay within the time that it may be idle. */
const LOOKS = 4;

/** See the module. */
export class RelaySet {
  private limits: RelayLimits;
  /** Bytes relayed by relays that are over: from clients, and to them. */
  private readonly past = { clientBytes: 0, serverBytes: 0 };
  private readonly clients = new Map<string, Client>();
  private readonly relays = new Set<Watched>();
  private connectionCount = 0;
  private isClosing = false;
  private timer: NodeJS.Timeout | undefined = undefined;

  constructor(limits: Partial<RelayLimits> = {}) {
    this.limits = { ...defaultRelayLimits, ...limits };
  }

  /** Time without a byte after which a relay ends, in ms. */
  get idleMs(): number {
    return this.limits.idleMs;
  }

  /** Limits that hold from now on; nobody who has a place loses it. */
  setLimits(limits: Partial<RelayLimits>): void {
    this.limits = { ...this.limits, ...limits };
    if (this.timer === undefined) return;
    this.stopLooking();
    this.startLooking();
  }

  /** Clients' connections at present. */
  get connections(): number {
    return this.connectionCount;
  }

  /** Relays at present: connections that are set up. */
  get active(): number {
    return this.relays.size;
  }

  /** Clients that have a connection. */
  get clientCount(): number {
    return this.clients.size;
  }

  /** Bytes from clients so far, and to them. */
  get totals(): { readonly clientBytes: number; readonly serverBytes: number } {
    let { clientBytes, serverBytes } = this.past;
    for (const { relay } of this.relays) {
      clientBytes += relay.clientBytes;
      serverBytes += relay.serverBytes;
    }
    return { clientBytes, serverBytes };
  }

  /** Gives the client at `address` a place, or says why there is none. */
  admit(address: string): Place | Refusal {
    if (this.isClosing) return 'closing';
    if (this.connectionCount >= this.limits.maxConnections) return 'too-many';
    const client = this.clients.get(address) ?? { connections: 0, pending: 0 };
    if (client.connections >= this.limits.maxPerClient) return 'too-many-of-client';
    if (client.pending >= this.limits.maxPendingPerClient) return 'too-many-pending';
    this.clients.set(address, client);
    this.connectionCount++;
    client.connections++;
    client.pending++;
    return this.placeOf(address, client);
  }

  private placeOf(address: string, client: Client): Place {
    let isPending = true;
    let isTaken = true;
    const settle = (): void => {
      if (isPending) client.pending--;
      isPending = false;
    };
    return {
      settle,
      release: () => {
        if (!isTaken) return;
        isTaken = false;
        settle();
        this.connectionCount--;
        client.connections--;
        if (client.connections === 0) this.clients.delete(address);
      },
    };
  }

  /** Begins a relay, and watches it until it is over. */
  run(relay: Relay, early?: Uint8Array, received?: Uint8Array): Promise<RelayOutcome> {
    const watched = { relay, bytes: 0, quiet: 0 };
    this.relays.add(watched);
    this.startLooking();
    relay.start(early, received);
    return relay.over.finally(() => {
      this.relays.delete(watched);
      this.past.clientBytes += relay.clientBytes;
      this.past.serverBytes += relay.serverBytes;
      if (this.relays.size === 0) this.stopLooking();
    });
  }

  private startLooking(): void {
    this.timer ??= setInterval(() => this.look(), Math.max(1, this.limits.idleMs / LOOKS)).unref();
  }

  private stopLooking(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private look(): void {
    for (const watched of this.relays) {
      const { bytes } = watched.relay;
      watched.quiet = bytes === watched.bytes ? watched.quiet + 1 : 0;
      watched.bytes = bytes;
      if (watched.quiet >= LOOKS) watched.relay.abort('idle');
    }
  }

  /** Resets all relays that are there. */
  abortAll(outcome: RelayOutcome): void {
    for (const { relay } of this.relays) relay.abort(outcome);
  }

  /** Admits nobody any more, and settles when all relays are over; those that go on for longer than `patienceMs` are reset. */
  async close(patienceMs: number): Promise<void> {
    this.isClosing = true;
    const all = Promise.all([...this.relays].map(({ relay }) => relay.over));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, patienceMs)));
    await Promise.race([all, late]);
    clearTimeout(timer);
    this.abortAll('drained');
    await all;
    this.stopLooking();
  }
}

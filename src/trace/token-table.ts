/**
 * The connections of one vantage by the tokens of their hosts, and the joins that wait for one (RFC 8684 §3.2). Two hosts
 * may draw keys of the same token, so a token names a list; the joins' addresses choose.
 */
import type { Connection } from './connection.js';
import { Fifo } from './fifo.js';
import type { Stream } from './stream.js';

/** A connection, and which of its hosts owns the token. */
export interface TokenOwner {
  readonly connection: Connection;
  readonly isServer: boolean;
}

/** A join that waits, until it has a connection or makes way. */
interface WaitingJoin {
  readonly token: number;
  readonly stream: Stream;
  isWaiting: boolean;
}

export class TokenTable {
  /** Joins dropped because too many waited. */
  forgotten = 0;
  private readonly owners = new Map<number, TokenOwner[]>();
  private readonly waiting = new Map<number, Fifo<WaitingJoin>>();
  /** The same in the order in which they came; some have a connection by now. */
  private readonly order = new Fifo<WaitingJoin>();
  private waitingCount = 0;
  private readonly maxWaiting: number;

  constructor(maxWaiting: number) {
    this.maxWaiting = maxWaiting;
  }

  /** Enters the token of one host; returns the joins that waited for it. */
  add(token: number, connection: Connection, isServer: boolean): readonly Stream[] {
    const owners = this.owners.get(token);
    if (owners === undefined) this.owners.set(token, [{ connection, isServer }]);
    else if (!owners.some((owner) => owner.connection === connection && owner.isServer === isServer)) {
      owners.push({ connection, isServer });
    }
    const joins = this.waiting.get(token)?.list() ?? [];
    this.waiting.delete(token);
    this.waitingCount -= joins.length;
    for (const join of joins) join.isWaiting = false;
    return joins.map(({ stream }) => stream);
  }

  /** Tokens that joins wait for. */
  get waitingTokens(): number {
    return this.waiting.size;
  }

  /** The connection that a join with this token means: the one that knows the address it goes to, else the latest. */
  find(token: number, join: Stream): TokenOwner | undefined {
    const owners = this.owners.get(token);
    if (owners === undefined || owners.length === 1) return owners?.[0];
    const target = join.other.address;
    const known = owners.filter(({ connection, isServer }) =>
      connection.subflows.some((stream) => {
        const end = stream.isOpenerClient === isServer ? stream.other : stream.opener;
        return end.address.equals(target);
      }),
    );
    return known.at(-1) ?? owners.at(-1);
  }

  /** Keeps a join until its connection is known. */
  wait(token: number, join: Stream): void {
    if (this.waitingCount >= this.maxWaiting) this.dropOldest();
    let joins = this.waiting.get(token);
    if (joins === undefined) {
      joins = new Fifo();
      this.waiting.set(token, joins);
    }
    const entry = { token, stream: join, isWaiting: true };
    joins.push(entry);
    this.order.push(entry);
    this.waitingCount++;
  }

  /** Forgets a connection. */
  remove(connection: Connection): void {
    for (const token of [connection.client.token, connection.server.token]) {
      if (token === undefined) continue;
      const rest = this.owners.get(token)?.filter((owner) => owner.connection !== connection) ?? [];
      if (rest.length > 0) this.owners.set(token, rest);
      else this.owners.delete(token);
    }
  }

  private dropOldest(): void {
    for (let oldest = this.order.shift(); oldest !== undefined; oldest = this.order.shift()) {
      if (!oldest.isWaiting) continue;
      const joins = this.waiting.get(oldest.token)!;
      // Of those with one token, the oldest of all is the oldest.
      joins.shift();
      if (joins.length === 0) this.waiting.delete(oldest.token);
      this.waitingCount--;
      this.forgotten++;
      return;
    }
  }
}

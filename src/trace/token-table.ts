/**
 * The connections of one vantage by the tokens of their hosts, and the joins that wait for one (RFC 8684 §3.2). Two hosts
 * may draw keys of the same token, so a token names a list; the joins' addresses choose.
 */
import type { Connection } from './connection.js';
import type { Stream } from './stream.js';

/** A connection, and which of its hosts owns the token. */
export interface TokenOwner {
  readonly connection: Connection;
  readonly isServer: boolean;
}

export class TokenTable {
  /** Joins dropped because too many waited. */
  forgotten = 0;
  private readonly owners = new Map<number, TokenOwner[]>();
  private readonly waiting = new Map<number, Stream[]>();
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
    const streams = this.waiting.get(token) ?? [];
    this.waiting.delete(token);
    this.waitingCount -= streams.length;
    return streams;
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
    const streams = this.waiting.get(token);
    if (streams === undefined) this.waiting.set(token, [join]);
    else streams.push(join);
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
    for (const [token, streams] of this.waiting) {
      streams.shift();
      this.waitingCount--;
      this.forgotten++;
      if (streams.length === 0) this.waiting.delete(token);
      return;
    }
  }
}

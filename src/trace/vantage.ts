/**
 * One place at which packets were captured: its streams, connections and tokens. What two vantages see of the same
 * connection is never mixed, since each packet is there twice.
 */
import type { Connection } from './connection.js';
import { DamageWatch } from './damage.js';
import { FlowTable } from './flow-table.js';
import type { Handshakes } from './handshake.js';
import type { TraceLimits } from './settings.js';
import { TokenTable } from './token-table.js';

export class Vantage {
  readonly index: number;
  /** What reads handshakes, for all vantages. */
  readonly handshakes: Handshakes;
  readonly flows = new FlowTable();
  readonly tokens: TokenTable;
  readonly damage = new DamageWatch();
  /** Connections that are followed, in the order in which they were found. */
  readonly connections = new Set<Connection>();
  /** Number of the next stream. */
  nextStream = 0;
  /** Connections by the upper half of data sequence numbers that they use. */
  private readonly byDataSeq = new Map<number, Connection[]>();

  constructor(index: number, handshakes: Handshakes, limits: TraceLimits) {
    this.index = index;
    this.handshakes = handshakes;
    this.tokens = new TokenTable(limits.maxWaitingJoins);
  }

  /** Enters a connection under the upper half of a data sequence number of its own. */
  noteDataSeq(hi: number, connection: Connection): void {
    const known = this.byDataSeq.get(hi);
    if (known === undefined) this.byDataSeq.set(hi, [connection]);
    else if (!known.includes(connection)) known.push(connection);
  }

  /** Connections whose numbers may have reached this upper half. */
  *nearDataSeq(hi: number): Iterable<Connection> {
    for (let back = 0; back < 16; back++) {
      yield* this.byDataSeq.get((hi - back) | 0) ?? [];
    }
  }

  /** Forgets a connection that is over. */
  remove(connection: Connection): void {
    this.connections.delete(connection);
    this.tokens.remove(connection);
    for (const host of [connection.clientData, connection.serverData]) {
      for (let back = 0; back < 16; back++) {
        const hi = (host.anchorHi - back) | 0;
        const rest = this.byDataSeq.get(hi)?.filter((other) => other !== connection);
        if (rest === undefined) continue;
        if (rest.length > 0) this.byDataSeq.set(hi, rest);
        else this.byDataSeq.delete(hi);
      }
    }
  }
}

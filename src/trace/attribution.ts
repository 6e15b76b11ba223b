/**
 * Which connection each stream of a capture belongs to, known from a first reading of it. In a second reading, packets of
 * a join that was matched late are told from the first one on.
 */
import type { Observation } from './observation.js';
import type { ConnectionReport } from './report.js';

/** Greater than any number of a stream. */
const STREAMS = 2 ** 40;

interface Place {
  readonly connection: number;
  readonly subflow: number;
  readonly isOpenedByServer: boolean;
}

export class Attribution {
  private readonly places = new Map<number, Place>();

  /** Of these connections only. */
  constructor(connections: readonly ConnectionReport[]) {
    for (const { id, vantage, subflows } of connections) {
      for (const { stream, id: subflow, openedBy } of subflows) {
        this.places.set(vantage * STREAMS + stream, {
          ...{ connection: id, subflow, isOpenedByServer: openedBy === 'server' },
        });
      }
    }
  }

  /** Whether the segment belongs to one of the connections; says in the observation to which, if it does not yet. */
  attribute(o: Observation): boolean {
    const place = this.places.get(o.vantage * STREAMS + o.stream);
    if (place === undefined) return false;
    if (o.connection >= 0) return true;
    o.connection = place.connection;
    o.subflow = place.subflow;
    // Before a stream has a connection, who opened it stands for the client.
    if (place.isOpenedByServer) o.sender = o.sender === 'client' ? 'server' : 'client';
    return true;
  }
}

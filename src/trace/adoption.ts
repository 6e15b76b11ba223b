/**
 * Streams whose handshake was not captured: finds the connection that their data sequence numbers belong to, where that is
 * certain, or lets them stand for one of their own. Initial data sequence numbers are hashes of keys (RFC 8684 §3.1): that
 * a number of 64 bits lies within 64 MiB of where another connection stands by chance has a probability of 2^-37.
 */
import type { Connection } from './connection.js';
import type { DataDirection } from './data-direction.js';
import type { Segment } from './segment.js';
import type { Stream } from './stream.js';
import type { Vantage } from './vantage.js';

/** How far a number may lie from where a connection's data stands. */
const NEAR_BYTES = 64 << 20;
/** DSS options that are waited for before numbers of 32 bits decide. */
const PATIENCE = 16;
/** Connections that numbers of 32 bits are compared with: beyond, chance hits are too likely. */
const MAX_COMPARED = 256;

/** A connection and how a stream lies in it. */
interface Match {
  readonly connection: Connection;
  readonly isSenderClient: boolean;
}

/** Gives a stream that has shown a DSS its connection, at once or after some more; undefined while it is not known. */
export function adopt(
  vantage: Vantage,
  stream: Stream,
  segment: Segment,
  isFromOpener: boolean,
): Connection | undefined {
  stream.unmatchedDss++;
  const has64 = (segment.hasMapping && segment.dataSeq64) || (segment.hasDataAck && segment.dataAck64);
  if (!has64 && stream.unmatchedDss < PATIENCE) return undefined;
  const match = has64 ? matchBy64(vantage, segment) : matchBy32(vantage, segment);
  if (match !== undefined) {
    const isOpenerClient = match.isSenderClient === isFromOpener;
    if (!vantage.handshakes.join(match.connection, stream, 'data-sequence', isOpenerClient)) return undefined;
    return match.connection;
  }
  return beginAmid(vantage, stream);
}

/** A connection whose handshake was not captured; a join that is all there is of one tells its token. */
function beginAmid(vantage: Vantage, stream: Stream): Connection | undefined {
  const { handshakes } = vantage;
  const connection = handshakes.begin(vantage, stream);
  if (connection === undefined) return undefined;
  connection.isClientCertain = false;
  const token = stream.join?.token ?? null;
  if (token === null) return connection;
  const known = handshakes.keys.byToken(token);
  if (known === undefined) {
    connection.server.token = token;
    handshakes.register(vantage, connection, connection.server);
  } else {
    handshakes.learn(vantage, connection, connection.server, known);
  }
  return connection;
}

function matchBy64(vantage: Vantage, segment: Segment): Match | undefined {
  let found: Match | undefined;
  const hi = segment.hasMapping && segment.dataSeq64 ? segment.dataSeqHi : segment.dataAckHi;
  for (const connection of vantage.nearDataSeq(hi)) {
    for (const isSenderClient of [true, false]) {
      if (!fits(connection, isSenderClient, segment)) continue;
      if (found !== undefined && found.connection !== connection) return undefined;
      found = { connection, isSenderClient };
    }
  }
  return found;
}

/** Both numbers must be there and fit, and no other connection may. */
function matchBy32(vantage: Vantage, segment: Segment): Match | undefined {
  if (!segment.hasMapping || !segment.hasDataAck || vantage.connections.size > MAX_COMPARED) return undefined;
  let found: Match | undefined;
  for (const connection of vantage.connections) {
    for (const isSenderClient of [true, false]) {
      if (!fits(connection, isSenderClient, segment)) continue;
      if (found !== undefined) return undefined;
      found = { connection, isSenderClient };
    }
  }
  return found;
}

/** Whether every number in a segment lies near where the data of the connection stands. */
function fits(connection: Connection, isSenderClient: boolean, segment: Segment): boolean {
  const own = isSenderClient ? connection.clientData : connection.serverData;
  const peer = isSenderClient ? connection.serverData : connection.clientData;
  if (segment.hasMapping && !isNear(own, segment.dataSeq64, segment.dataSeqHi, segment.dataSeqLo))
    return false;
  return !segment.hasDataAck || isNear(peer, segment.dataAck64, segment.dataAckHi, segment.dataAckLo);
}

function isNear(data: DataDirection, is64: boolean, hi: number, lo: number): boolean {
  if (!data.isAnchored || (is64 && !data.hasHigh)) return false;
  const offset = is64 ? data.offsetOf64(hi, lo) : data.offsetOf32(lo);
  return offset > data.acked - NEAR_BYTES && offset < data.end + NEAR_BYTES;
}

/**
 * The data level of each segment: from the numbers of its DSS to offsets, from the bytes of a subflow to those of the
 * connection. Runs for every packet. Read first: RFC 8684 §3.3.
 */
import type { Connection, HostView } from './connection.js';
import type { DataDirection } from './data-direction.js';
import { fallBack } from './fallback.js';
import type { Observation } from './observation.js';
import type { Segment } from './segment.js';
import type { Stream } from './stream.js';
import type { SubflowDirection } from './subflow-direction.js';
import type { Vantage } from './vantage.js';

const SYN = 2;
/** How far the first number of a host may lie from the one that its key says, for the key to be right. */
const KEY_REACH = 2 ** 32;

/** The mapping of a DSS, from `direction` of the host that sent it. */
export function readMapping(
  vantage: Vantage,
  connection: Connection,
  direction: SubflowDirection,
  host: HostView,
  data: DataDirection,
  segment: Segment,
  o: Observation,
): void {
  const dataOffset = dataOffsetOf(vantage, connection, host, data, segment);
  if (Number.isNaN(dataOffset)) {
    data.strange++;
    return;
  }
  const { mappings } = direction;
  const near = o.relativeSeq;
  if (!direction.hasSyn) learnShift(direction, segment, near);
  const start = near + ((segment.subflowSeq + mappings.shift - near) | 0);
  o.mappingOffset = dataOffset;
  o.mappingLength = segment.dataLength;
  if (segment.dataLength === 0) {
    // It maps all that follows (RFC 8684 §3.7).
    fallBack(connection, 'infinite-mapping', o.packet);
    mappings.set(start, Number.POSITIVE_INFINITY, dataOffset);
    return;
  }
  if (connection.checksum === undefined) connection.checksum = segment.hasChecksum;
  const length = segment.dataFin ? segment.dataLength - 1 : segment.dataLength;
  if (length > 0 && mappings.set(start, length, dataOffset)) {
    data.mappings++;
    if (segment.hasChecksum) beginChecksum(direction, data, segment, start, length, dataOffset);
  }
  if (segment.dataFin) {
    o.dataFin = true;
    data.noteDataFin(dataOffset + length, o.packet);
  }
}

/** A new mapping with a checksum, whose bytes are summed as they come. */
function beginChecksum(
  direction: SubflowDirection,
  data: DataDirection,
  segment: Segment,
  start: number,
  length: number,
  dataOffset: number,
): void {
  // The sum is over 64 bits, whatever the option carries (RFC 8684 §3.3.1).
  if (!segment.dataSeq64 && !data.hasHigh) return;
  const hi = segment.dataSeq64 ? segment.dataSeqHi : data.highOf(dataOffset);
  const { dataSeqLo, subflowSeq, dataLength, checksum } = segment;
  direction.verifier.begin(start, length, hi, dataSeqLo, subflowSeq, dataLength, checksum);
}

/** Sums payload for the checksum of its mapping, and counts what turns out wrong. */
export function verifyChecksum(
  direction: SubflowDirection,
  data: DataDirection,
  segment: Segment,
  start: number,
  packet: number,
): void {
  const isGood = direction.verifier.take(segment, start);
  if (isGood === undefined) return;
  if (isGood) {
    data.goodChecksums++;
    return;
  }
  data.badChecksums++;
  data.badChecksumPackets.add(packet);
}

/** A DATA_ACK, for the data of the peer. */
export function readDataAck(
  vantage: Vantage,
  connection: Connection,
  peerData: DataDirection,
  segment: Segment,
): number {
  const isNew = !peerData.isAnchored;
  const { dataAckHi, dataAckLo } = segment;
  if (isNew && !(segment.dataAck64 && recogniseKey(vantage, connection, peerData, dataAckHi, dataAckLo))) {
    peerData.setAnchor(segment.dataAck64 ? segment.dataAckHi : 0, segment.dataAckLo, 1, false);
    peerData.hasHigh = segment.dataAck64;
    if (segment.dataAck64) vantage.noteDataSeq(segment.dataAckHi, connection);
  }
  const offset = segment.dataAck64
    ? peerData.offsetOf64(segment.dataAckHi, segment.dataAckLo)
    : peerData.offsetOf32(segment.dataAckLo);
  if (Number.isNaN(offset)) {
    peerData.strange++;
    return -1;
  }
  peerData.acknowledge(offset, segment);
  return offset;
}

/** The payload that a subflow has just carried for the first time goes to the data level. */
export function carryPayload(
  direction: SubflowDirection,
  data: DataDirection,
  stream: Stream,
  segment: Segment,
  start: number,
  o: Observation,
): void {
  const length = segment.payloadLength;
  const { mappings } = direction;
  o.retransmittedBytes = direction.repeated;
  // What a SYN brings comes before the data sequence, or is sent again (RFC 8684 §B.2).
  if ((segment.flags & SYN) !== 0) return;
  o.dataOffset = mappings.dataOffset(start);
  if (direction.freshTail === length) {
    carryRange(direction, data, stream, segment, start, start + length, o);
    return;
  }
  if (direction.repeated > 0 && start < 1 + direction.synPayload)
    carrySynAgain(direction, data, stream, segment, start, o);
  for (let i = 0; i < direction.holes.removedCount && direction.freshInHoles > 0; i++) {
    const { removedStarts, removedEnds } = direction.holes;
    carryRange(direction, data, stream, segment, removedStarts[i]!, removedEnds[i]!, o);
  }
  const stop = start + length;
  if (direction.freshTail > 0) {
    carryRange(direction, data, stream, segment, stop - direction.freshTail, stop, o);
  }
}

/** Payload of the SYN that the peer did not take has a place in the data sequence when it is sent again (RFC 8684 §B.2). */
function carrySynAgain(
  direction: SubflowDirection,
  data: DataDirection,
  stream: Stream,
  segment: Segment,
  start: number,
  o: Observation,
): void {
  const length = segment.payloadLength;
  const from = Math.max(start, direction.synRefusedFrom);
  const end = Math.min(start + length, 1 + direction.synPayload);
  if (direction.synRefusedFrom === 0 || from >= end) return;
  direction.synRefusedFrom = end;
  carryRange(direction, data, stream, segment, from, end, o);
}

/** Payload [start, end) of a subflow, mapping by mapping; what none maps is left out. */
function carryRange(
  direction: SubflowDirection,
  data: DataDirection,
  stream: Stream,
  segment: Segment,
  start: number,
  end: number,
  o: Observation,
): void {
  const { mappings } = direction;
  for (let from = start; from < end;) {
    const dataOffset = mappings.dataOffset(from);
    if (dataOffset < 0) return;
    const isCurrent = from >= mappings.start && from < mappings.end;
    const stop = isCurrent && mappings.end < end ? mappings.end : end;
    const again = data.carry(dataOffset, dataOffset + (stop - from), stream.subflow, segment);
    const fresh = stop - from - again;
    if (fresh > 0) {
      direction.firstCarriedBytes += fresh;
      data.handovers.carry(stream.subflow, segment);
      if (data.intervals !== undefined) data.intervals.add(segment.atNs, stream.subflow, fresh);
    }
    if (again > 0) noteReinjection(direction, data, o);
    from = stop;
  }
}

function noteReinjection(direction: SubflowDirection, data: DataDirection, o: Observation): void {
  const { earlierOwners, earlierBytes } = data.ranges;
  direction.reinjectedPackets++;
  direction.reinjectionFrames.add(o.packet);
  for (let i = 0; i < earlierOwners.length; i++) {
    const owner = earlierOwners[i]!;
    const bytes = earlierBytes[i]!;
    direction.reinjectedBytes += bytes;
    o.reinjectedBytes += bytes;
    if (owner < 0) continue;
    o.reinjectedFrom = owner;
    direction.reinjectedFrom[owner] = (direction.reinjectedFrom[owner] ?? 0) + bytes;
  }
}

function dataOffsetOf(
  vantage: Vantage,
  connection: Connection,
  host: HostView,
  data: DataDirection,
  segment: Segment,
): number {
  if (!data.isAnchored) anchorHere(vantage, connection, data, segment);
  else if (segment.dataSeq64 && !data.hasHigh) learnHigh(vantage, connection, data, segment);
  const offset = segment.dataSeq64
    ? data.offsetOf64(segment.dataSeqHi, segment.dataSeqLo)
    : data.offsetOf32(segment.dataSeqLo);
  if (data.isKeyJudged || !data.isFromKey) return offset;
  data.isKeyJudged = true;
  // The first number of a host shows whether the key is the one in use.
  const fits = offset >= 0 && offset < KEY_REACH;
  connection.keysVerified = fits && connection.keysVerified !== false;
  if (fits) return offset;
  host.initialDataSeq = undefined;
  anchorHere(vantage, connection, data, segment);
  return 1;
}

/** The first number seen is that of the first byte. */
function anchorHere(vantage: Vantage, connection: Connection, data: DataDirection, segment: Segment): void {
  if (segment.dataSeq64 && recogniseKey(vantage, connection, data, segment.dataSeqHi, segment.dataSeqLo))
    return;
  data.setAnchor(segment.dataSeq64 ? segment.dataSeqHi : 0, segment.dataSeqLo, 1, false);
  data.hasHigh = segment.dataSeq64;
  if (segment.dataSeq64) vantage.noteDataSeq(segment.dataSeqHi, connection);
}

/** Whether a number follows from a key that the user gave; the connection knows it then. */
function recogniseKey(
  vantage: Vantage,
  connection: Connection,
  data: DataDirection,
  hi: number,
  lo: number,
): boolean {
  const { handshakes } = vantage;
  const known = handshakes.keys.byDataSeq(hi, lo);
  const host = data === connection.clientData ? connection.client : connection.server;
  if (known === undefined || host.key !== undefined) return false;
  handshakes.learn(vantage, connection, host, known);
  return data.isAnchored;
}

/** A number of 64 bits shows the upper half of those that were seen before. */
function learnHigh(vantage: Vantage, connection: Connection, data: DataDirection, segment: Segment): void {
  const offset = data.offsetOf32(segment.dataSeqLo);
  data.setAnchor(segment.dataSeqHi, segment.dataSeqLo, offset, false);
  data.hasHigh = true;
  vantage.noteDataSeq(segment.dataSeqHi, connection);
}

/** Where the SYN was not captured, mappings tell how subflow sequence numbers lie to the offsets here. */
function learnShift(direction: SubflowDirection, segment: Segment, near: number): void {
  const { mappings } = direction;
  if (segment.subflowSeq === 0 || segment.payloadLength === 0) return;
  const shift = (near - segment.subflowSeq) | 0;
  if (!mappings.hasShift || ((shift - mappings.shift) | 0) < 0) mappings.shift = shift;
  mappings.hasShift = true;
}

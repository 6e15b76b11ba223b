/**
 * Finds out that a connection went on as plain TCP, and why. Looks at the first subflow only: joins cannot fall back.
 * Read first: RFC 8684 §3.1 (handshake), §3.7 (fallback).
 */
import { MptcpSubtype } from '../wire/index.js';
import type { Connection } from './connection.js';
import type { FallbackCause } from './report.js';
import type { Segment } from './segment.js';
import type { Stream } from './stream.js';
import type { SubflowDirection } from './subflow-direction.js';

const capableBit = 1 << MptcpSubtype.MP_CAPABLE;
const SYN = 2;
const RST = 4;
const ACK = 16;

/** Notes that a connection fell back, unless it did so before. */
export function fallBack(connection: Connection, cause: FallbackCause, packet: number): void {
  if (connection.fallbackCause !== undefined) return;
  connection.fallbackCause = cause;
  connection.fallbackPacket = packet;
}

/** Judges a segment of the first subflow by what its handshake ought to have. */
export function judgeFallback(
  connection: Connection,
  stream: Stream,
  segment: Segment,
  isFromOpener: boolean,
  packet: number,
): void {
  const { flags } = segment;
  const hasCapable = (segment.optionBits & capableBit) !== 0;
  if ((flags & RST) !== 0) return;
  if ((flags & SYN) !== 0) {
    if ((flags & ACK) !== 0) judgeAnswer(connection, hasCapable, packet);
    return;
  }
  if (!isConfirmed(connection, stream, segment, isFromOpener, hasCapable, packet)) return;
  if (segment.payloadLength === 0 || segment.hasDss || hasCapable) return;
  const direction = isFromOpener ? stream.fromOpener! : stream.fromOther!;
  if (isUnmapped(connection, direction, segment)) fallBack(connection, 'no-dss', packet);
}

/**
 * Whether payload without a DSS lies in no mapping that came before. A host whose DSS goes unanswered ceases to send it
 * (RFC 8684 §3.7), while it has one subflow only; nothing may be missing in the capture where the mapping was.
 */
function isUnmapped(connection: Connection, direction: SubflowDirection, segment: Segment): boolean {
  const { mappings, hasSyn, holes, end, endSeq } = direction;
  if (!hasSyn) return false;
  if (mappings.count === 0) return true;
  if (segment.seq !== endSeq || holes.count > 0 || mappings.dataOffset(end) >= 0) return false;
  return connection.subflows.every(
    ({ subflow, fromOpener, fromOther }) =>
      subflow === 0 || (fromOpener!.mappings.count === 0 && fromOther!.mappings.count === 0),
  );
}

/** A SYN+ACK: the server agrees, or it does not. */
function judgeAnswer(connection: Connection, hasCapable: boolean, packet: number): void {
  const { fallbackCause } = connection;
  if (!hasCapable) {
    fallBack(
      connection,
      connection.isSynBare ? 'syn-without-mp-capable' : 'no-mp-capable-in-syn-ack',
      packet,
    );
    return;
  }
  const isWithdrawn =
    fallbackCause === 'no-mp-capable-in-syn-ack' || fallbackCause === 'syn-without-mp-capable';
  if (isWithdrawn) withdraw(connection);
}

/** Whether the client has confirmed the handshake; falls back when it goes on without. */
function isConfirmed(
  connection: Connection,
  stream: Stream,
  segment: Segment,
  isFromOpener: boolean,
  hasCapable: boolean,
  packet: number,
): boolean {
  if (connection.isConfirmed) return true;
  if (hasCapable || segment.hasDss) {
    // Only MP_CAPABLE in the third packet, or in the data that follows it, confirms; a DSS says that one was received.
    connection.isConfirmed = true;
    const { fallbackCause } = connection;
    if (fallbackCause === 'no-mp-capable-in-third-ack' || fallbackCause === 'version') withdraw(connection);
    return true;
  }
  if (isFromOpener && connection.bareThirdPacket < 0) connection.bareThirdPacket = packet;
  if (segment.payloadLength > 0 && stream.hasSyn && connection.bareThirdPacket >= 0) {
    const differs = connection.synAckVersion >= 0 && connection.synAckVersion !== connection.synVersion;
    fallBack(connection, differs ? 'version' : 'no-mp-capable-in-third-ack', connection.bareThirdPacket);
  }
  return false;
}

/** The option came after all, in a packet sent again. */
function withdraw(connection: Connection): void {
  connection.fallbackCause = undefined;
  connection.fallbackPacket = -1;
}

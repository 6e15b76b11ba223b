/**
 * Tells segments that were damaged on their way from those that a device had yet to give a checksum: the hosts drop the
 * former, so nothing follows from them. Only what is unexpected is summed, since the sum over all payload costs more than
 * the rest of the analysis; and nobody is believed in whose capture most sums are wrong, as where a tool changed addresses.
 * Read first: RFC 9293 §3.1 (checksum).
 */
import { foldSum, onesComplementSum } from '../wire/index.js';
import type { Segment } from './segment.js';
import type { Stream } from './stream.js';

const PSH_ACK = 24;
const PROTOCOL_TCP = 6;
/** How far a mapping lies from the end of the data, as a rule. */
const NEAR_BYTES = 1 << 24;
/** Packets of a stream that are summed whatever they are, so that it is known how the sums of a capture are. */
const FIRST_PACKETS = 4;

/** One for each place of capture. */
export class DamageWatch {
  /** Segments whose sum was right or left to the device, and those whose sum was wrong. */
  private right = 0;
  private wrong = 0;

  /** Whether a segment was damaged. `stream` is what its ports belong to, undefined for a new one. */
  isDamaged(stream: Stream | undefined, segment: Segment, isFromOpener: boolean): boolean {
    if (!isUnexpected(stream, segment, isFromOpener)) return false;
    // What was not captured whole cannot be summed.
    if (segment.payloadAvailable < segment.payloadLength) return false;
    const length = segment.headerLength + segment.payloadLength;
    const pseudo = pseudoSum(segment);
    const sum = foldSum(pseudo + length + onesComplementSum(segment.bytes, segment.offset, length));
    if (sum === 0xffff || isLeftToDevice(segment, pseudo, length)) {
      this.right++;
      return false;
    }
    this.wrong++;
    return this.right >= this.wrong;
  }
}

/** Whether a segment is more than the next data, or an acknowledgement, of a stream that is followed. */
function isUnexpected(stream: Stream | undefined, segment: Segment, isFromOpener: boolean): boolean {
  if (stream === undefined || stream.packets < FIRST_PACKETS) return true;
  if ((segment.flags & ~PSH_ACK) !== 0 || segment.mptcpCount > 0 || segment.malformedCount > 0) return true;
  const own = isFromOpener ? stream.fromOpener : stream.fromOther;
  const peer = isFromOpener ? stream.fromOther : stream.fromOpener;
  if (own === undefined || peer === undefined) return false;
  if (segment.seq !== own.endSeq || ((segment.ack - peer.endSeq) | 0) > 0) return true;
  return segment.hasDss && isUnexpectedDss(stream, segment, isFromOpener);
}

/** Whether the data sequence numbers of a segment are more than the next ones. */
function isUnexpectedDss(stream: Stream, segment: Segment, isFromOpener: boolean): boolean {
  const { clientData, serverData } = stream.connection!;
  const isClient = isFromOpener === stream.isOpenerClient;
  const data = isClient ? clientData : serverData;
  const peerData = isClient ? serverData : clientData;
  if (segment.hasDataAck && peerData.offsetOf32(segment.dataAckLo) > peerData.end) return true;
  if (!segment.hasMapping) return false;
  if (segment.dataFin || !data.isAnchored) return true;
  if (segment.dataSeq64 && data.hasHigh && segment.dataSeqHi !== data.anchorHi) return true;
  return Math.abs(data.offsetOf32(segment.dataSeqLo) - data.end) > NEAR_BYTES;
}

/** A host that leaves the sum to its device writes that of the pseudo-header there, with the length or without. */
function isLeftToDevice({ bytes, offset }: Segment, pseudo: number, length: number): boolean {
  const field = (bytes[offset + 16]! << 8) | bytes[offset + 17]!;
  return field === foldSum(pseudo + length) || field === foldSum(pseudo);
}

/** Sum of addresses and protocol. */
function pseudoSum(segment: Segment): number {
  let sum = PROTOCOL_TCP + halves(segment.sourceD) + halves(segment.destinationD);
  if (segment.family === 6) {
    sum += halves(segment.sourceA) + halves(segment.sourceB) + halves(segment.sourceC);
    sum += halves(segment.destinationA) + halves(segment.destinationB) + halves(segment.destinationC);
  }
  return sum;
}

function halves(word: number): number {
  return (word >>> 16) + (word & 0xffff);
}

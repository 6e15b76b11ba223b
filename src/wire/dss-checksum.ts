/**
 * The DSS checksum, which finds a middlebox that changes the payload: the Internet checksum over a pseudo-header and
 * the mapped bytes. Read first: RFC 8684 §3.3.1.
 */
import type { Uint64 } from '../base/index.js';
import { foldChecksum, foldSum, onesComplementSumPieces } from './checksum.js';

/**
 * Sum of the pseudo-header: the 64-bit data sequence number (whatever the option carries), the relative subflow
 * sequence number and the data-level length. The bytes mapped are added to it, and a DATA_FIN adds none.
 */
export function dssHeaderSum(seqHi: number, seqLo: number, subflowSeq: number, dataLength: number): number {
  const high = (seqHi >>> 16) + (seqLo >>> 16) + (subflowSeq >>> 16);
  return foldSum(high + (seqHi & 0xffff) + (seqLo & 0xffff) + (subflowSeq & 0xffff) + dataLength);
}

/** Checksum of a mapping whose bytes are `pieces` laid end to end. */
export function dssChecksum(
  dataSeq: Uint64,
  subflowSeq: number,
  dataLength: number,
  pieces: readonly Uint8Array[],
): number {
  return foldChecksum(
    onesComplementSumPieces(pieces, dssHeaderSum(dataSeq.hi, dataSeq.lo, subflowSeq, dataLength)),
  );
}

/** Whether the checksum that came with a mapping fits it. */
export function verifyDssChecksum(
  dataSeq: Uint64,
  subflowSeq: number,
  dataLength: number,
  pieces: readonly Uint8Array[],
  checksum: number,
): boolean {
  const sum = dssHeaderSum(dataSeq.hi, dataSeq.lo, subflowSeq, dataLength) + checksum;
  return onesComplementSumPieces(pieces, sum) === 0xffff;
}

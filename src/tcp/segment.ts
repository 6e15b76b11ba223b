import type { Seq32 } from '../base/index.js';
import { seq32 } from '../base/index.js';
import { DssFields, TcpOptionKind, writeDss } from '../wire/index.js';

/**
 * What a connection sends: records of the byte stream going in, segments coming out. A segment is described here, not
 * written: the owner adds its own options and the stack puts the bytes on the wire.
 */

/**
 * A piece of the byte stream that its owner wants sent as it is cut here. Records are never merged and a segment never
 * spans two of them, so whatever an owner says about a record (an MPTCP mapping) holds for every retransmission of it.
 * The bytes must not change while the connection holds the record, which is until all of it is acknowledged.
 */
export interface SendRecord {
  /** Stream offset of the first byte: 1 for the first byte after the SYN. */
  readonly start: number;
  /** Number of bytes; at least 1. */
  readonly length: number;
  /** The bytes, laid end to end. */
  readonly pieces: readonly Uint8Array[];
}

/** Most bytes of options that a TCP header holds (RFC 9293 §3.1: data offset of 15 words less the fixed 20 bytes). */
export const MAX_OPTION_BYTES = 40;

/**
 * One segment to send. Made once by the owner and filled again and again by `TcpConnection.pollSegment`, which writes
 * every field but the bytes of `extension`.
 */
export class OutgoingSegment<R extends SendRecord = SendRecord> {
  /** Sequence number on the wire. */
  seq: Seq32 = seq32(0);
  /** Acknowledgment number on the wire; 0 without the ACK flag. */
  ack: Seq32 = seq32(0);
  /** Flags, a sum of `TcpFlag`. */
  flags = 0;
  /** The window field as it goes on the wire, already scaled. */
  window = 0;
  /** Value of the maximum segment size option; 0: no such option. */
  mss = 0;
  /** Shift of the window scale option; -1: no such option. */
  windowScale = -1;
  /** Whether the SACK-permitted option is there. */
  sackPermitted = false;
  /** Whether the timestamps option is there. */
  hasTimestamps = false;
  /** TSval of the timestamps option. */
  tsVal = 0;
  /** TSecr of the timestamps option. */
  tsEcr = 0;
  /** Number of SACK blocks; 0: no SACK option. */
  sackCount = 0;
  /** Edges of the SACK blocks as wire numbers: left, right, left, right. */
  readonly sackEdges = new Uint32Array(8);
  /** The record that the payload is cut from; undefined for a segment without payload. */
  record: R | undefined = undefined;
  /** Where in the record the payload starts, in bytes. */
  recordOffset = 0;
  /** Payload bytes. */
  payloadLength = 0;
  /** Payload bytes of each wire segment when the device shall cut this one into several; 0: it is one segment. */
  segmentSize = 0;
  /** Whether any of the payload, or the SYN or FIN, was sent before. */
  isRetransmission = false;
  /** Further options that the owner appends after `pollSegment`, padded to a multiple of four bytes. */
  readonly extension = new Uint8Array(MAX_OPTION_BYTES);
  /** The same bytes, to be written and read as whole numbers. */
  readonly extensionView = new DataView(this.extension.buffer);
  /** Bytes of `extension` in use; `pollSegment` sets it to 0. */
  extensionLength = 0;
  /** A DSS of the owner's, as numbers. */
  readonly dss = new DssFields();
  /** Whether `dss` is the segment's only further option and not among the bytes of `extension` yet: see {@link settleDss}. */
  hasDss = false;

  /** Bytes that the options other than `extension` take, each kind padded to a multiple of four. */
  get ownOptionBytes(): number {
    let bytes = 0;
    if (this.mss !== 0) bytes += 4;
    if (this.windowScale >= 0) bytes += 4;
    // SACK-permitted takes the place of the two NOPs that pad the timestamps (RFC 7323 appendix A).
    if (this.hasTimestamps) bytes += 12;
    else if (this.sackPermitted) bytes += 4;
    if (this.sackCount > 0) bytes += 4 + 8 * this.sackCount;
    return bytes;
  }

  /** Bytes of options that the owner may still put into `extension`. */
  get extensionRoom(): number {
    return MAX_OPTION_BYTES - this.ownOptionBytes;
  }

  /** Empties the segment, as `pollSegment` does before it fills it. */
  clear(): void {
    this.seq = seq32(0);
    this.ack = seq32(0);
    this.flags = 0;
    this.window = 0;
    this.mss = 0;
    this.windowScale = -1;
    this.sackPermitted = false;
    this.hasTimestamps = false;
    this.tsVal = 0;
    this.tsEcr = 0;
    this.sackCount = 0;
    this.record = undefined;
    this.recordOffset = 0;
    this.payloadLength = 0;
    this.segmentSize = 0;
    this.isRetransmission = false;
    this.extensionLength = 0;
    this.hasDss = false;
  }

  /** Puts a DSS that is there as numbers only into `extension`: whoever reads the bytes of the options does this first. */
  settleDss(): void {
    if (!this.hasDss) return;
    this.hasDss = false;
    this.appendDss();
  }

  /** Writes `dss` behind what there is in `extension`. */
  appendDss(): void {
    this.pad(writeDss(this.dss, this.extensionView, this.extensionLength));
  }

  /** Counts an option of `length` bytes in and fills up to a multiple of four. */
  pad(length: number): void {
    let end = this.extensionLength + length;
    while ((end & 3) !== 0) this.extension[end++] = TcpOptionKind.NOP;
    this.extensionLength = end;
  }
}

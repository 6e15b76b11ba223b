/**
 * Puts an outgoing segment in its wire form: headers and options in place, payload gathered by one copy, checksum
 * complete or left to the device. Knows nothing of connections.
 */
import { copyPieces } from '../base/index.js';
import { OutgoingSegment } from '../tcp/index.js';
import {
  foldChecksum,
  IpAddress,
  IpHeader,
  IpProtocol,
  onesComplementSum,
  pseudoHeaderSum,
  tcpChecksum,
  tcpHeaderLength,
  viewOf,
  writeIpHeader,
  writeTcpHeader,
} from '../wire/index.js';
import type { NetworkInterface } from './interface-table.js';
import { isPlain, SegmentNote } from './segment-note.js';
import type { TransmitBuffer } from './transmit-buffer.js';

/** Where the checksum lies in a TCP header (RFC 9293 §3.1). */
const TCP_CHECKSUM_OFFSET = 16;

/** Filled in for every note that is written after all. */
const restored = new OutgoingSegment();

export class PacketWriter {
  /** Used again for every packet. */
  private readonly header: IpHeader;
  /** The memory that the last packet was written to, and a view of it: callers use the same again and again. */
  private memory: Uint8Array = new Uint8Array(0);
  private view = viewOf(this.memory);
  /** Identification of the last packet that routers may fragment. */
  private identification = 0;

  /** `hopLimit`: time to live of every packet, 1 to 255. */
  constructor(hopLimit: number) {
    const nowhere = IpAddress.unspecified(4);
    this.header = new IpHeader(nowhere, nowhere, IpProtocol.TCP);
    this.header.hopLimit = hopLimit;
  }

  /**
   * Writes `segment` into `out` as a packet from `local` to `remote` that leaves by `device`, or notes it there where the
   * caller takes notes. `mayFragment`: whether routers may fragment it, where IPv4 lets them.
   */
  write(
    out: TransmitBuffer,
    device: NetworkInterface,
    local: IpAddress,
    remote: IpAddress,
    ports: number,
    segment: OutgoingSegment,
    mayFragment: boolean,
  ): void {
    const isLeftToDevice = device.capabilities.checksumOffload;
    out.interfaceId = device.id;
    out.segmentSize = segment.segmentSize;
    out.ipHeaderLength = local.family === 4 ? 20 : 40;
    out.checksumStart = isLeftToDevice ? out.ipHeaderLength : -1;
    out.checksumOffset = isLeftToDevice ? TCP_CHECKSUM_OFFSET : -1;
    if (out.takesNotes && !mayFragment && isPlain(segment)) {
      const note = SegmentNote.of(segment);
      note.source = local;
      note.destination = remote;
      note.ports = ports;
      note.hopLimit = this.header.hopLimit;
      note.leavesChecksum = isLeftToDevice;
      out.tcpHeaderLength = note.headerBytes;
      out.note = note;
    } else {
      out.note = undefined;
      segment.settleDss();
      // What may be fragmented needs an identification of its own; what may not needs none (RFC 6864 §4.1 and §4.2).
      if (mayFragment) this.identification = (this.identification + 1) & 0xffff;
      this.header.dontFragment = !mayFragment;
      this.header.identification = mayFragment ? this.identification : 0;
      out.tcpHeaderLength = tcpHeaderLength(segment);
      this.emit(out.bytes, out.offset, local, remote, ports, segment, isLeftToDevice);
    }
    out.length = out.ipHeaderLength + out.tcpHeaderLength + segment.payloadLength;
  }

  /** The packet that `note` stands for, at `offset` of `bytes`. */
  writeNote(note: SegmentNote, bytes: Uint8Array, offset: number): void {
    this.restore(note);
    this.emit(bytes, offset, note.source, note.destination, note.ports, restored, note.leavesChecksum);
  }

  /**
   * The headers of the packet that `note` stands for, as they are with its payload behind them, at the beginning of `bytes`.
   * Returns their length.
   */
  writeNoteHeaders(note: SegmentNote, bytes: Uint8Array): number {
    this.restore(note);
    const { source, destination, ports, payload } = note;
    const at = this.emitHeaders(bytes, 0, source, destination, ports, restored);
    const pseudoSum = pseudoHeaderSum(source, destination, IpProtocol.TCP, this.header.payloadLength);
    const headerSum = onesComplementSum(bytes, at, note.headerBytes, pseudoSum);
    const sum = onesComplementSum(payload, 0, payload.length, headerSum);
    const checksum = note.leavesChecksum ? pseudoSum : foldChecksum(sum);
    this.view.setUint16(at + TCP_CHECKSUM_OFFSET, checksum);
    return at + note.headerBytes;
  }

  /** Makes what `note` says what is to be written. */
  private restore(note: SegmentNote): void {
    const { header } = this;
    note.restore(restored);
    restored.settleDss();
    header.hopLimit = note.hopLimit;
    header.dontFragment = true;
    header.identification = note.identification;
  }

  /** Writes a packet; what else the IP header says stands in `header` already. */
  private emit(
    bytes: Uint8Array,
    offset: number,
    local: IpAddress,
    remote: IpAddress,
    ports: number,
    segment: OutgoingSegment,
    leavesChecksum: boolean,
  ): void {
    const at = this.emitHeaders(bytes, offset, local, remote, ports, segment);
    const tcpLength = this.header.payloadLength;
    const { record, payloadLength } = segment;
    if (record !== undefined && payloadLength > 0) {
      copyPieces(record.pieces, segment.recordOffset, payloadLength, bytes, at + tcpLength - payloadLength);
    }
    const pseudoSum = pseudoHeaderSum(local, remote, IpProtocol.TCP, tcpLength);
    const checksum = leavesChecksum ? pseudoSum : tcpChecksum(bytes, at, tcpLength, pseudoSum);
    this.view.setUint16(at + TCP_CHECKSUM_OFFSET, checksum);
  }

  /** Writes the headers of a packet, without a checksum; returns where that of TCP starts. */
  private emitHeaders(
    bytes: Uint8Array,
    offset: number,
    local: IpAddress,
    remote: IpAddress,
    ports: number,
    segment: OutgoingSegment,
  ): number {
    const { header } = this;
    const view = this.viewOf(bytes);
    header.source = local;
    header.destination = remote;
    header.payloadLength = tcpHeaderLength(segment) + segment.payloadLength;
    const at = offset + writeIpHeader(view, offset, header);
    writeTcpHeader(view, at, ports >>> 16, ports & 0xffff, segment);
    return at;
  }

  private viewOf(bytes: Uint8Array): DataView {
    if (bytes !== this.memory) {
      this.memory = bytes;
      this.view = viewOf(bytes);
    }
    return this.view;
  }
}

/** Writes the classic format with nanoseconds, little-endian: bytes in, bytes out. */
import { SubflowError } from '../base/index.js';
import { OutputBuffer } from './output-buffer.js';
import type { PacketToWrite } from './packet.js';
import { PCAP_MAJOR, PCAP_MINOR, PCAP_NANOSECONDS, PCAP_RECORD_BYTES } from './pcap-parser.js';

/** The largest packet that readers are sure to take. */
const SNAP_LENGTH = 262_144;
const LAST_SECOND = 0xffff_ffff;

export class PcapWriter {
  private readonly output = new OutputBuffer();

  /** All packets start with the header that `linkType` names (see `LinkType`). */
  constructor(linkType: number) {
    this.output.writeUint32(PCAP_NANOSECONDS);
    this.output.writeUint16(PCAP_MAJOR);
    this.output.writeUint16(PCAP_MINOR);
    this.output.writeUint32(0);
    this.output.writeUint32(0);
    this.output.writeUint32(SNAP_LENGTH);
    this.output.writeUint32(linkType);
  }

  /** Bytes that `take` would give: who never takes keeps them all. */
  get pendingBytes(): number {
    return this.output.length;
  }

  /**
   * Adds a packet; its comments and direction have no place here. Throws ERR_SUBFLOW_CAPTURE_TIME for an instant
   * before 1970 or after 2106, ERR_SUBFLOW_CAPTURE_SIZE for a packet that readers would refuse.
   */
  write(packet: PacketToWrite): void {
    const { output } = this;
    const { seconds, length } = packet;
    if (!(seconds >= 0 && seconds <= LAST_SECOND)) {
      throw new SubflowError('ERR_SUBFLOW_CAPTURE_TIME', `a pcap file cannot hold the time ${seconds} s`);
    }
    checkPacketSize(length);
    output.reserve(PCAP_RECORD_BYTES + length);
    output.writeUint32(seconds);
    output.writeUint32(packet.nanoseconds);
    output.writeUint32(length);
    output.writeUint32(Math.max(length, packet.originalLength));
    output.writeBytes(packet.bytes, packet.offset, length, length);
  }

  /** The bytes that came about since the last call: the file header first. The caller may keep them. */
  take(): Uint8Array {
    return this.output.take();
  }
}

/** Stops a packet that libpcap and Wireshark would take for a damaged file. */
export function checkPacketSize(length: number): void {
  if (length > SNAP_LENGTH) {
    throw new SubflowError(
      'ERR_SUBFLOW_CAPTURE_SIZE',
      `a packet of ${length} bytes is more than readers of capture files take (${SNAP_LENGTH})`,
    );
  }
}

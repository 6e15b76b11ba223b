/**
 * Writes pcapng: one section, little-endian, any number of interfaces with nanosecond time stamps, and a packet block
 * each with comments and direction (draft-ietf-opsawg-pcapng §4.1 to §4.3). Bytes in, bytes out.
 */
import { SubflowError } from '../base/index.js';
import { OutputBuffer } from './output-buffer.js';
import type { PacketDirection, PacketToWrite } from './packet.js';
import { checkPacketSize } from './pcap-writer.js';
import {
  BLOCK_OVERHEAD_BYTES,
  BYTE_ORDER_MAGIC,
  BlockType,
  DIRECTION_INBOUND,
  DIRECTION_OUTBOUND,
  OptionCode,
  padded,
} from './pcapng-format.js';
import { encodeUtf8 } from './text.js';
import { LAST_NANOSECOND_COUNT_SECONDS, nanosecondCount } from './timestamp.js';

/** An option as it will be written. */
interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

/** 10^-9 s, as if_tsresol has it. */
const NANOSECOND_RESOLUTION = Uint8Array.of(9);
const MAX_OPTION_BYTES = 0xffff;
const noOptions: readonly Option[] = [];

/** What a section says of itself. */
export interface SectionToWrite {
  /** The program that writes; `subflow` where nothing is given. */
  readonly application?: string;
  readonly operatingSystem?: string;
  readonly hardware?: string;
  readonly comments?: readonly string[];
}

/**
 * An interface about to be added. Interfaces may differ in link type and snap length; but libpcap, and so tcpdump,
 * refuses a file in which they do.
 */
export interface InterfaceToWrite {
  /** What its packets start with (see `LinkType`). */
  readonly linkType: number;
  readonly name?: string;
  readonly description?: string;
  /** Most bytes kept of a packet; 0, or nothing, is no limit. */
  readonly snapLength?: number;
}

export class PcapngWriter {
  private readonly output = new OutputBuffer();
  private interfaceCount = 0;

  constructor(section: SectionToWrite = {}) {
    const options = (section.comments ?? []).map((comment) => textOption(OptionCode.COMMENT, comment));
    addText(options, OptionCode.SECTION_HARDWARE, section.hardware);
    addText(options, OptionCode.SECTION_OS, section.operatingSystem);
    addText(options, OptionCode.SECTION_APPLICATION, section.application ?? 'subflow');
    const total = this.beginBlock(BlockType.SECTION_HEADER, 16, options);
    this.output.writeUint32(BYTE_ORDER_MAGIC);
    this.output.writeUint16(1);
    this.output.writeUint16(0);
    // A section of unspecified length: -1.
    this.output.writeUint32(0xffff_ffff);
    this.output.writeUint32(0xffff_ffff);
    this.endBlock(total, options);
  }

  /** Bytes that `take` would give: who never takes keeps them all. */
  get pendingBytes(): number {
    return this.output.length;
  }

  /** Adds an interface and gives its number, counted from 0. It may be added at any time before its packets. */
  addInterface(description: InterfaceToWrite): number {
    const options: Option[] = [];
    addText(options, OptionCode.INTERFACE_NAME, description.name);
    addText(options, OptionCode.INTERFACE_DESCRIPTION, description.description);
    options.push({ code: OptionCode.INTERFACE_TIME_RESOLUTION, value: NANOSECOND_RESOLUTION });
    const total = this.beginBlock(BlockType.INTERFACE, 8, options);
    this.output.writeUint16(description.linkType);
    this.output.writeUint16(0);
    this.output.writeUint32(description.snapLength ?? 0);
    this.endBlock(total, options);
    return this.interfaceCount++;
  }

  /**
   * Adds a packet. Throws ERR_SUBFLOW_CAPTURE_INTERFACE for an interface that was not added,
   * ERR_SUBFLOW_CAPTURE_TIME for an instant before 1970 or after 2554, ERR_SUBFLOW_CAPTURE_SIZE for a packet that
   * readers would refuse, ERR_SUBFLOW_CAPTURE_TEXT for a comment of more than 65,535 bytes.
   */
  write(packet: PacketToWrite): void {
    const { output } = this;
    const length = packet.length;
    if (!(packet.interfaceIndex >= 0 && packet.interfaceIndex < this.interfaceCount)) {
      throw new SubflowError(
        'ERR_SUBFLOW_CAPTURE_INTERFACE',
        `the capture has no interface ${packet.interfaceIndex}`,
      );
    }
    if (!(packet.seconds >= 0 && packet.seconds <= LAST_NANOSECOND_COUNT_SECONDS)) {
      throw new SubflowError(
        'ERR_SUBFLOW_CAPTURE_TIME',
        `a pcapng file cannot hold the time ${packet.seconds} s`,
      );
    }
    checkPacketSize(length);
    const options = packetOptions(packet);
    const total = this.beginBlock(BlockType.ENHANCED_PACKET, 20 + padded(length), options);
    const count = nanosecondCount(packet.seconds, packet.nanoseconds);
    output.writeUint32(packet.interfaceIndex);
    output.writeUint32(count.hi);
    output.writeUint32(count.lo);
    output.writeUint32(length);
    output.writeUint32(Math.max(length, packet.originalLength));
    output.writeBytes(packet.bytes, packet.offset, length, padded(length));
    this.endBlock(total, options);
  }

  /** The bytes that came about since the last call: the section header first. The caller may keep them. */
  take(): Uint8Array {
    return this.output.take();
  }

  /** Writes type and length of a block with `bodyBytes` before its options; gives its total length. */
  private beginBlock(type: number, bodyBytes: number, options: readonly Option[]): number {
    let total = BLOCK_OVERHEAD_BYTES + bodyBytes;
    for (const option of options) total += 4 + padded(option.value.length);
    if (options.length > 0) total += 4;
    this.output.reserve(total);
    this.output.writeUint32(type);
    this.output.writeUint32(total);
    return total;
  }

  private endBlock(total: number, options: readonly Option[]): void {
    for (const { code, value } of options) {
      this.output.writeUint16(code);
      this.output.writeUint16(value.length);
      this.output.writeBytes(value, 0, value.length, padded(value.length));
    }
    if (options.length > 0) this.output.writeUint32(OptionCode.END);
    this.output.writeUint32(total);
  }
}

function packetOptions(packet: PacketToWrite): readonly Option[] {
  if (packet.direction === 'unknown' && packet.comments.length === 0) return noOptions;
  const options = packet.comments.map((comment) => textOption(OptionCode.COMMENT, comment));
  if (packet.direction !== 'unknown') options.push(directionOption(packet.direction));
  return options;
}

function directionOption(direction: Exclude<PacketDirection, 'unknown'>): Option {
  const flags = direction === 'inbound' ? DIRECTION_INBOUND : DIRECTION_OUTBOUND;
  return { code: OptionCode.PACKET_FLAGS, value: Uint8Array.of(flags, 0, 0, 0) };
}

function addText(options: Option[], code: number, text: string | undefined): void {
  if (text !== undefined && text !== '') options.push(textOption(code, text));
}

function textOption(code: number, text: string): Option {
  const value = encodeUtf8(text);
  if (value.length > MAX_OPTION_BYTES) {
    throw new SubflowError(
      'ERR_SUBFLOW_CAPTURE_TEXT',
      `a text of ${value.length} bytes is more than a pcapng option holds (${MAX_OPTION_BYTES})`,
    );
  }
  return { code, value };
}

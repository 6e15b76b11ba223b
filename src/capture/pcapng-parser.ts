/**
 * The pcapng format: blocks in sections, each section with a byte order and interfaces of its own
 * (draft-ietf-opsawg-pcapng §3 and §4). Sections, interfaces and the three kinds of packets are read; every other
 * block (names, statistics, decryption secrets, custom ones) is skipped without being held.
 */
import { type ParseError, parseError } from '../base/index.js';
import type { FormatParser, ParseStep } from './format.js';
import type { InputWindow } from './input-window.js';
import type { CaptureLimits } from './limits.js';
import { OptionCursor } from './option-cursor.js';
import type { CaptureInterface, CapturedPacket, CaptureSection } from './packet.js';
import {
  BLOCK_OVERHEAD_BYTES,
  BYTE_ORDER_MAGIC,
  BlockType,
  DIRECTION_INBOUND,
  DIRECTION_MASK,
  DIRECTION_OUTBOUND,
  OptionCode,
  padded,
} from './pcapng-format.js';
import { decodeText } from './text.js';
import { TimestampUnit } from './timestamp.js';

/** if_tsresol where an interface has none: microseconds. */
const DEFAULT_RESOLUTION = 6;
/** The parts of each block before its data or options, with type and length. */
const SECTION_FIXED_BYTES = 24;
const INTERFACE_FIXED_BYTES = 16;
const PACKET_FIXED_BYTES = 28;
const SIMPLE_PACKET_FIXED_BYTES = 12;
/** The largest number of seconds that an interface may shift its clock by; more is nonsense and taken as none. */
const MAX_TIME_OFFSET_SECONDS = 2 ** 52;

export class PcapngParser implements FormatParser {
  readonly interfaces: CaptureInterface[] = [];
  section: CaptureSection | undefined = undefined;
  private readonly units: TimestampUnit[] = [];
  private readonly limits: CaptureLimits;
  private little = true;
  private sectionCount = 0;
  /** Index in `interfaces` of the first one of this section. */
  private firstInterface = 0;
  /** Whether the section has a version we do not know, so that its blocks are skipped (§3.4). */
  private isForeignSection = false;
  /** Bytes of a block that are yet to be skipped, its closing length not among them. */
  private skipBytes = 0;
  /** The closing length that must stand behind a skipped block; 0 while none is being skipped. */
  private expectedTrailer = 0;

  constructor(limits: CaptureLimits) {
    this.limits = limits;
  }

  get isAmidRecord(): boolean {
    return this.expectedTrailer !== 0;
  }

  snapshot(): () => FormatParser {
    // Lists only grow: what stands behind these places comes later in the file.
    const { interfaces, units, limits, section, little, sectionCount, firstInterface, isForeignSection } =
      this;
    const known = interfaces.length;
    return () => {
      const parser = new PcapngParser(limits);
      parser.interfaces.push(...interfaces.slice(0, known));
      parser.units.push(...units.slice(0, known));
      parser.section = section;
      parser.little = little;
      parser.sectionCount = sectionCount;
      parser.firstInterface = firstInterface;
      parser.isForeignSection = isForeignSection;
      return parser;
    };
  }

  read(window: InputWindow, packet: CapturedPacket): ParseStep {
    for (;;) {
      if (this.expectedTrailer !== 0) {
        const step = this.finishSkip(window);
        if (step !== undefined) return step;
      }
      if (!window.ensure(BLOCK_OVERHEAD_BYTES)) return 'starved';
      const step = this.readBlock(window, packet);
      if (step !== undefined) return step;
    }
  }

  /** Skips what is left of a block; undefined when it is behind us. */
  private finishSkip(window: InputWindow): ParseStep | undefined {
    this.skipBytes -= window.skip(this.skipBytes);
    if (this.skipBytes > 0 || !window.ensure(4)) return 'starved';
    if (window.view.getUint32(window.start, this.little) !== this.expectedTrailer)
      return trailerError(window, 0);
    window.consume(4);
    this.expectedTrailer = 0;
    return undefined;
  }

  /** Reads or begins to skip the block that starts here; undefined when the next one is to be looked at. */
  private readBlock(window: InputWindow, packet: CapturedPacket): ParseStep | undefined {
    const type = window.view.getUint32(window.start, this.little);
    if (type === BlockType.SECTION_HEADER) {
      const problem = this.readByteOrder(window);
      if (problem !== undefined) return problem;
    }
    const total = window.view.getUint32(window.start + 4, this.little);
    if (total < BLOCK_OVERHEAD_BYTES || total % 4 !== 0) {
      return parseError('bad-length', window.position + 4, `a block cannot be ${total} bytes long`);
    }
    if (!this.isWanted(type)) {
      this.skipBytes = total - 4;
      this.expectedTrailer = total;
      return undefined;
    }
    if (total > this.limits.maxBlockBytes) {
      return parseError('bad-length', window.position + 4, `a block of ${total} bytes is beyond the limit`);
    }
    if (!window.ensure(total)) return 'starved';
    if (window.view.getUint32(window.start + total - 4, this.little) !== total)
      return trailerError(window, total - 4);
    const step = this.parseBlock(type, window, total, packet);
    if (step !== undefined && step !== 'packet') return step;
    window.consume(total);
    return step;
  }

  private isWanted(type: number): boolean {
    if (type === BlockType.SECTION_HEADER) return true;
    if (this.isForeignSection) return false;
    return (
      type === BlockType.ENHANCED_PACKET ||
      type === BlockType.INTERFACE ||
      type === BlockType.SIMPLE_PACKET ||
      type === BlockType.PACKET
    );
  }

  private parseBlock(
    type: number,
    window: InputWindow,
    total: number,
    packet: CapturedPacket,
  ): 'packet' | ParseError | undefined {
    switch (type) {
      case BlockType.SECTION_HEADER:
        return this.parseSection(window, total);
      case BlockType.INTERFACE:
        return this.parseInterface(window, total);
      case BlockType.SIMPLE_PACKET:
        return this.parseSimplePacket(window, total, packet) ?? 'packet';
      default:
        return this.parsePacket(window, total, packet, type === BlockType.PACKET) ?? 'packet';
    }
  }

  /** A section header says itself in which byte order it and its section are (§4.1). */
  private readByteOrder(window: InputWindow): ParseError | undefined {
    const magic = window.view.getUint32(window.start + 8, true);
    if (magic !== BYTE_ORDER_MAGIC && magic !== 0x4d3c_2b1a) {
      return parseError('bad-magic', window.position + 8, 'a section header without its byte-order magic');
    }
    this.little = magic === BYTE_ORDER_MAGIC;
    return undefined;
  }

  private parseSection(window: InputWindow, total: number): ParseError | undefined {
    if (total < SECTION_FIXED_BYTES + 4) return tooShort(window);
    const { view, start } = window;
    const major = view.getUint16(start + 12, this.little);
    const minor = view.getUint16(start + 14, this.little);
    // Some writers call what they write 1.2; readers must take it for 1.0 (§4.1).
    this.isForeignSection = major !== 1 || (minor !== 0 && minor !== 2);
    this.firstInterface = this.interfaces.length;
    const comments: string[] = [];
    const texts = ['', '', ''];
    if (!this.isForeignSection) {
      const options = this.optionsAt(window, SECTION_FIXED_BYTES, total);
      for (let more = options.advance(); more !== false; more = options.advance()) {
        if (more !== true) return inFile(more, window);
        const text = decodeText(window.bytes, options.offset, options.length);
        if (options.code === OptionCode.COMMENT) comments.push(text);
        else if (options.code <= OptionCode.SECTION_APPLICATION) texts[options.code - 2] = text;
      }
    }
    const [hardware, operatingSystem, application] = texts as [string, string, string];
    this.section = { index: this.sectionCount++, application, operatingSystem, hardware, comments };
    return undefined;
  }

  private parseInterface(window: InputWindow, total: number): ParseError | undefined {
    if (total < INTERFACE_FIXED_BYTES + 4) return tooShort(window);
    if (this.interfaces.length >= this.limits.maxInterfaces) {
      return parseError('too-many-interfaces', window.position, 'more interfaces than the limit allows');
    }
    const { view, start } = window;
    let name = '';
    let description = '';
    let resolution = DEFAULT_RESOLUTION;
    let offsetSeconds = 0;
    const options = this.optionsAt(window, INTERFACE_FIXED_BYTES, total);
    for (let more = options.advance(); more !== false; more = options.advance()) {
      if (more !== true) return inFile(more, window);
      if (options.code === OptionCode.INTERFACE_NAME) name = this.nameAt(window, options);
      else if (options.code === OptionCode.INTERFACE_DESCRIPTION) description = this.nameAt(window, options);
      else if (options.code === OptionCode.INTERFACE_TIME_RESOLUTION && options.length === 1) {
        resolution = view.getUint8(options.offset);
      } else if (options.code === OptionCode.INTERFACE_TIME_OFFSET && options.length === 8) {
        offsetSeconds = timeOffset(view.getBigInt64(options.offset, this.little));
      }
    }
    this.interfaces.push({
      index: this.interfaces.length,
      section: this.sectionCount - 1,
      linkType: view.getUint16(start + 8, this.little),
      snapLength: view.getUint32(start + 12, this.little),
      name,
      description,
    });
    this.units.push(new TimestampUnit(resolution, offsetSeconds));
    return undefined;
  }

  /** An enhanced packet (§4.3), or an obsolete one, whose interface has 16 bits and is followed by a drop count. */
  private parsePacket(
    window: InputWindow,
    total: number,
    packet: CapturedPacket,
    isObsolete: boolean,
  ): ParseError | undefined {
    if (total < PACKET_FIXED_BYTES + 4) return tooShort(window);
    const { view, start } = window;
    const little = this.little;
    const local = isObsolete ? view.getUint16(start + 8, little) : view.getUint32(start + 8, little);
    const index = this.firstInterface + local;
    const captured = view.getUint32(start + 20, little);
    const problem = this.checkPacket(window, index, captured, total - PACKET_FIXED_BYTES - 4, 20);
    if (problem !== undefined) return problem;
    packet.clear();
    this.units[index]!.convert(
      view.getUint32(start + 12, little),
      view.getUint32(start + 16, little),
      packet,
    );
    this.fill(window, packet, index, PACKET_FIXED_BYTES, captured);
    packet.originalLength = view.getUint32(start + 24, little);
    const optionsOffset = PACKET_FIXED_BYTES + padded(captured);
    if (optionsOffset + 8 > total) return undefined;
    return this.parsePacketOptions(this.optionsAt(window, optionsOffset, total), window, packet);
  }

  /** A simple packet has no time, no options, and belongs to the section's first interface (§4.4). */
  private parseSimplePacket(
    window: InputWindow,
    total: number,
    packet: CapturedPacket,
  ): ParseError | undefined {
    if (total < SIMPLE_PACKET_FIXED_BYTES + 4) return tooShort(window);
    const room = total - SIMPLE_PACKET_FIXED_BYTES - 4;
    const original = window.view.getUint32(window.start + 8, this.little);
    const index = this.firstInterface;
    const snapLength = this.interfaces[index]?.snapLength ?? 0;
    const captured = Math.min(original, snapLength === 0 ? room : snapLength, room);
    const problem = this.checkPacket(window, index, captured, room, 8);
    if (problem !== undefined) return problem;
    packet.clear();
    packet.hasTime = false;
    this.fill(window, packet, index, SIMPLE_PACKET_FIXED_BYTES, captured);
    packet.originalLength = original;
    return undefined;
  }

  /** `room`: bytes of the block for data and options; `lengthField`: where the captured length stands in it. */
  private checkPacket(
    window: InputWindow,
    index: number,
    captured: number,
    room: number,
    lengthField: number,
  ): ParseError | undefined {
    if (index >= this.interfaces.length) {
      return parseError(
        'unknown-interface',
        window.position + 8,
        'a packet of an interface that was not described',
      );
    }
    if (captured > room || captured > this.limits.maxPacketBytes) {
      return parseError(
        'bad-length',
        window.position + lengthField,
        `a packet of ${captured} bytes cannot be here`,
      );
    }
    return undefined;
  }

  private fill(
    window: InputWindow,
    packet: CapturedPacket,
    index: number,
    dataOffset: number,
    captured: number,
  ): void {
    packet.interfaceIndex = index;
    packet.linkType = this.interfaces[index]!.linkType;
    packet.bytes = window.bytes;
    packet.offset = window.start + dataOffset;
    packet.length = captured;
  }

  private parsePacketOptions(
    options: OptionCursor,
    window: InputWindow,
    packet: CapturedPacket,
  ): ParseError | undefined {
    let comments: string[] | undefined;
    for (let more = options.advance(); more !== false; more = options.advance()) {
      if (more !== true) return inFile(more, window);
      if (options.code === OptionCode.COMMENT) {
        comments ??= [];
        comments.push(decodeText(window.bytes, options.offset, options.length));
      } else if (options.code === OptionCode.PACKET_FLAGS && options.length === 4) {
        const direction = window.view.getUint32(options.offset, this.little) & DIRECTION_MASK;
        if (direction === DIRECTION_INBOUND) packet.direction = 'inbound';
        else if (direction === DIRECTION_OUTBOUND) packet.direction = 'outbound';
      }
    }
    if (comments !== undefined) packet.comments = comments;
    return undefined;
  }

  private optionsAt(window: InputWindow, offset: number, total: number): OptionCursor {
    return new OptionCursor(window.view, window.start + offset, window.start + total - 4, this.little);
  }

  private nameAt(window: InputWindow, options: OptionCursor): string {
    return decodeText(window.bytes, options.offset, Math.min(options.length, this.limits.maxNameBytes));
  }
}

function timeOffset(seconds: bigint): number {
  const offset = Number(seconds);
  return Math.abs(offset) <= MAX_TIME_OFFSET_SECONDS ? offset : 0;
}

/** The same error, its offset counted in the file and not in the window. */
function inFile(error: ParseError, window: InputWindow): ParseError {
  return parseError(error.code, window.position + error.offset - window.start, error.message);
}

function trailerError(window: InputWindow, offset: number): ParseError {
  return parseError(
    'bad-length',
    window.position + offset,
    'a block ends with another length than it starts with',
  );
}

function tooShort(window: InputWindow): ParseError {
  return parseError('bad-length', window.position + 4, 'a block is too short for what it should hold');
}

/**
 * The classic format of libpcap: a header of 24 bytes, then records (draft-ietf-opsawg-pcap §4 and §5). Both byte
 * orders, microseconds and nanoseconds.
 */
import { type ParseError, SECOND, parseError } from '../base/index.js';
import type { FormatParser, ParseStep } from './format.js';
import type { InputWindow } from './input-window.js';
import type { CaptureLimits } from './limits.js';
import type { CaptureInterface, CapturedPacket, CaptureSection } from './packet.js';

export const PCAP_MICROSECONDS = 0xa1b2_c3d4;
export const PCAP_NANOSECONDS = 0xa1b2_3c4d;
export const PCAP_HEADER_BYTES = 24;
export const PCAP_RECORD_BYTES = 16;

/** The version that every file since 1998 has. Files of 2.3 and before may have the two lengths of a record swapped. */
export const PCAP_MAJOR = 2;
export const PCAP_MINOR = 4;

// What a module exports is read through a cell each time; these let the compiler see constants.
const nsPerSecond = SECOND;
const recordBytes = PCAP_RECORD_BYTES;

export class PcapParser implements FormatParser {
  readonly interfaces: CaptureInterface[] = [];
  readonly section: CaptureSection | undefined = undefined;
  readonly isAmidRecord = false;
  /** Whether the numbers are big-endian. Next to none are, and a flag that is false is the cheaper one to look at. */
  private readonly isBig: boolean;
  /** Nanoseconds in a unit of the second number of a time stamp. */
  private readonly unitNs: number;
  private readonly limits: CaptureLimits;
  private linkType = 0;
  private lacksHeader = true;

  constructor(little: boolean, isNanosecond: boolean, limits: CaptureLimits) {
    this.isBig = !little;
    this.unitNs = isNanosecond ? 1 : 1000;
    this.limits = limits;
  }

  read(window: InputWindow, packet: CapturedPacket): ParseStep {
    if (this.lacksHeader) {
      if (!window.ensure(PCAP_HEADER_BYTES)) return 'starved';
      const problem = this.readHeader(window);
      if (problem !== undefined) return problem;
    }
    if (!window.ensure(recordBytes)) return 'starved';
    const captured = this.word(window.view, window.start + 8);
    if (captured > this.limits.maxPacketBytes) {
      return parseError(
        'bad-length',
        window.position + 8,
        `a packet of ${captured} bytes is beyond the limit`,
      );
    }
    if (!window.ensure(recordBytes + captured)) return 'starved';
    this.fill(window, packet, captured);
    window.consume(recordBytes + captured);
    return 'packet';
  }

  snapshot(): () => FormatParser {
    return () => {
      const parser = new PcapParser(!this.isBig, this.unitNs === 1, this.limits);
      parser.interfaces.push(...this.interfaces);
      parser.linkType = this.linkType;
      parser.lacksHeader = this.lacksHeader;
      return parser;
    };
  }

  private readHeader(window: InputWindow): ParseError | undefined {
    const { view, start, position } = window;
    const major = view.getUint16(start + 4, !this.isBig);
    const minor = view.getUint16(start + 6, !this.isBig);
    if (major !== PCAP_MAJOR || minor !== PCAP_MINOR) {
      return parseError(
        'bad-version',
        position + 4,
        `version ${major}.${minor} of the pcap format is not known`,
      );
    }
    // The upper half tells whether frames end with a check sequence; an IP packet has its own length, so none matters.
    this.linkType = this.word(view, start + 20) & 0xffff;
    this.interfaces.push({
      index: 0,
      section: 0,
      linkType: this.linkType,
      snapLength: this.word(view, start + 16),
      name: '',
      description: '',
    });
    this.lacksHeader = false;
    window.consume(PCAP_HEADER_BYTES);
    return undefined;
  }

  private fill(window: InputWindow, packet: CapturedPacket, captured: number): void {
    const { view, start } = window;
    let seconds = this.word(view, start);
    let nanoseconds = this.word(view, start + 4) * this.unitNs;
    if (nanoseconds >= nsPerSecond) {
      // Some writers let the fraction run over a second.
      const carry = Math.floor(nanoseconds / nsPerSecond);
      seconds += carry;
      nanoseconds -= carry * nsPerSecond;
    }
    packet.linkType = this.linkType;
    packet.seconds = seconds;
    packet.nanoseconds = nanoseconds;
    packet.bytes = window.bytes;
    packet.offset = start + recordBytes;
    packet.length = captured;
    packet.originalLength = this.word(view, start + 12);
  }

  private word(view: DataView, at: number): number {
    return this.isBig ? view.getUint32(at) : view.getUint32(at, true);
  }
}

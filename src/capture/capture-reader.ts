/**
 * Reads a capture file of either format as its bytes come in. Owns finding out which format it is; must not know
 * where the bytes come from or what the packets mean. Memory is bounded by {@link CaptureLimits} and the size of the
 * chunks pushed, whatever the size of the file.
 *
 * Use: `push` a chunk, call `next` until it gives undefined, and so on; after the last chunk `end`, and `next` once
 * more until undefined. Then `problem` says whether the file was cut or is damaged. What was read before holds.
 */
import { type ParseError, assert, parseError } from '../base/index.js';
import type { FormatParser } from './format.js';
import { InputWindow } from './input-window.js';
import { type CaptureLimits, defaultCaptureLimits } from './limits.js';
import { type CaptureInterface, CapturedPacket, type CaptureSection } from './packet.js';
import { PCAP_MICROSECONDS, PCAP_NANOSECONDS, PcapParser } from './pcap-parser.js';
import { BlockType } from './pcapng-format.js';
import { PcapngParser } from './pcapng-parser.js';

/** The file formats that are read. */
export type CaptureFormat = 'pcap' | 'pcapng';

/** How files start that are capture files once they are unpacked, as their first two bytes in big-endian order. */
const compressions = new Map([
  [0x1f8b, 'gzip'],
  [0x28b5, 'Zstandard'],
  [0x0422, 'LZ4'],
  [0xfd37, 'xz'],
]);

/** A place behind a packet, where another reader may begin. */
export interface CaptureCheckpoint {
  /** Offset in the file of the first byte to push. */
  readonly position: number;
  /** Packets before it. */
  readonly packetCount: number;
  readonly format: CaptureFormat;
  /** Makes what reads on there. */
  readonly parser: () => FormatParser;
}

export class CaptureReader {
  private readonly limits: CaptureLimits;
  private readonly window = new InputWindow();
  private readonly packet = new CapturedPacket();
  private parser: FormatParser | undefined = undefined;
  private knownFormat: CaptureFormat | undefined = undefined;
  private found: ParseError | undefined = undefined;
  private hasEnded = false;

  constructor(limits: Partial<CaptureLimits> = {}) {
    this.limits = { ...defaultCaptureLimits, ...limits };
  }

  /** A reader that is given the bytes from `checkpoint` on, and counts packets as the one before did. */
  static resume(checkpoint: CaptureCheckpoint, limits: Partial<CaptureLimits> = {}): CaptureReader {
    const reader = new CaptureReader(limits);
    reader.window.position = checkpoint.position;
    reader.packet.frame = checkpoint.packetCount;
    reader.knownFormat = checkpoint.format;
    reader.parser = checkpoint.parser();
    return reader;
  }

  /** The place behind the packet that was given last; undefined before the first. It takes a few hundred bytes. */
  checkpoint(): CaptureCheckpoint | undefined {
    const { parser, knownFormat: format, packetCount, window } = this;
    if (parser === undefined || format === undefined || packetCount === 0) return undefined;
    return { position: window.position, packetCount, format, parser: parser.snapshot() };
  }

  /** Undefined until the first four bytes have been looked at. */
  get format(): CaptureFormat | undefined {
    return this.knownFormat;
  }

  /** Every interface that the file has described so far, all sections together. */
  get interfaces(): readonly CaptureInterface[] {
    return this.parser?.interfaces ?? [];
  }

  /** The section that the last packet belongs to; undefined in a classic file. */
  get section(): CaptureSection | undefined {
    return this.parser?.section;
  }

  /** Packets given so far. */
  get packetCount(): number {
    return this.packet.frame;
  }

  /**
   * Why reading stopped before the end of the file, with the offset in it: `truncated` (the file ends amid something),
   * `not-a-capture`, `compressed`, `bad-magic`, `bad-version`, `bad-length`, `unknown-interface` or
   * `too-many-interfaces`.
   */
  get problem(): ParseError | undefined {
    return this.found;
  }

  /** Whether the file ends amid a packet or block, or before its first header is complete. Known after `end`. */
  get isTruncated(): boolean {
    return this.found?.code === 'truncated';
  }

  /** Adds the next bytes of the file. The reader keeps a view of them until they are read: do not write to them. */
  push(chunk: Uint8Array): void {
    assert(!this.hasEnded, 'a capture reader was given bytes after the end');
    if (this.found === undefined) this.window.push(chunk);
  }

  /** Says that the file ends here. */
  end(): void {
    this.hasEnded = true;
  }

  /**
   * The next packet; undefined when more bytes are needed, or there are none. It is the same object every time, and
   * its bytes too are good only until the next call of `next` or `push`: `copy()` keeps it.
   */
  next(): CapturedPacket | undefined {
    if (this.found !== undefined) return undefined;
    this.parser ??= this.recognise();
    const step = this.parser?.read(this.window, this.packet) ?? 'starved';
    if (step === 'packet') {
      this.packet.frame++;
      return this.packet;
    }
    if (step !== 'starved') this.found ??= step;
    else if (this.hasEnded) this.found ??= this.truncation();
    return undefined;
  }

  /** Chooses the parser by the first four bytes. Undefined when they are not there or not known. */
  private recognise(): FormatParser | undefined {
    const { window, limits } = this;
    if (!window.ensure(4)) return undefined;
    const magic = window.view.getUint32(window.start, false);
    if (magic === BlockType.SECTION_HEADER) {
      this.knownFormat = 'pcapng';
      return new PcapngParser(limits);
    }
    for (const little of [false, true]) {
      const number = window.view.getUint32(window.start, little);
      if (number !== PCAP_MICROSECONDS && number !== PCAP_NANOSECONDS) continue;
      this.knownFormat = 'pcap';
      return new PcapParser(little, number === PCAP_NANOSECONDS, limits);
    }
    const compression = compressions.get(magic >>> 16);
    this.found =
      compression === undefined
        ? parseError('not-a-capture', 0, 'this is neither a pcap nor a pcapng file')
        : parseError('compressed', 0, `this is ${compression} data: unpack it first`);
    return undefined;
  }

  /** What is missing at the end of the file, if anything is. */
  private truncation(): ParseError | undefined {
    const { window, parser } = this;
    const hasHeader = parser !== undefined && (parser.interfaces.length > 0 || parser.section !== undefined);
    if (hasHeader && window.available === 0 && !parser.isAmidRecord) return undefined;
    const message =
      window.position + window.available === 0
        ? 'the file is empty'
        : 'the file ends in the middle of a record';
    return parseError('truncated', window.position, message);
  }
}

/** Reads a whole file that is in memory. For tools and tests: every packet is copied. */
export function readCapture(
  bytes: Uint8Array,
  limits: Partial<CaptureLimits> = {},
): {
  readonly reader: CaptureReader;
  readonly packets: readonly CapturedPacket[];
  readonly problem: ParseError | undefined;
} {
  const reader = new CaptureReader(limits);
  reader.push(bytes);
  reader.end();
  const packets: CapturedPacket[] = [];
  for (let packet = reader.next(); packet !== undefined; packet = reader.next()) packets.push(packet.copy());
  return { reader, packets, problem: reader.problem };
}

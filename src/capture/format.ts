/** What both file formats share: how a parser tells its reader what it found. */
import type { ParseError } from '../base/index.js';
import type { InputWindow } from './input-window.js';
import type { CaptureInterface, CapturedPacket, CaptureSection } from './packet.js';

/** The step of a parser: a packet, or more bytes are needed, or the file is not what it claims to be. */
export type ParseStep = 'packet' | 'starved' | ParseError;

/** A parser of one file format, from the first byte of the file on. */
export interface FormatParser {
  readonly interfaces: readonly CaptureInterface[];
  readonly section: CaptureSection | undefined;
  /** Whether the bytes consumed so far end amid something: a file that ends here was cut. */
  readonly isAmidRecord: boolean;
  /**
   * What makes parsers that go on behind the packet given last, each on its own. It holds what the format has said of
   * interfaces by reference, so that many cost little.
   */
  snapshot(): () => FormatParser;
  /** Fills `packet` with the next one that `window` holds whole. */
  read(window: InputWindow, packet: CapturedPacket): ParseStep;
}

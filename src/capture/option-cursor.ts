/** Walks the options of a pcapng block (draft-ietf-opsawg-pcapng §3.5). */
import { type ParseError, parseError } from '../base/index.js';
import { OptionCode, padded } from './pcapng-format.js';

export class OptionCursor {
  /** Type of the option the cursor stands on. */
  code = 0;
  /** Where its value starts, and how many bytes it has without the padding. */
  offset = 0;
  length = 0;
  private readonly view: DataView;
  private readonly little: boolean;
  private next: number;
  private readonly end: number;

  /** Options stand in `view` from `start` to `end`. */
  constructor(view: DataView, start: number, end: number, little: boolean) {
    this.view = view;
    this.next = start;
    this.end = end;
    this.little = little;
  }

  /**
   * Steps to the next option: true when there is one. The end of the block ends the list as the end-of-options option
   * does. An error's offset counts in the view.
   */
  advance(): boolean | ParseError {
    if (this.next + 4 > this.end) return false;
    this.code = this.view.getUint16(this.next, this.little);
    this.length = this.view.getUint16(this.next + 2, this.little);
    this.offset = this.next + 4;
    if (this.code === OptionCode.END) return false;
    this.next = this.offset + padded(this.length);
    if (this.next > this.end) {
      return parseError('bad-length', this.offset - 2, 'an option is longer than its block');
    }
    return true;
  }
}

/**
 * The options of a TCP header one by one, each with the place where it stands. Nonsense is a value here too: what overruns
 * the header, and bytes behind the end of the list. Read first: RFC 9293 §3.2.
 */
import { minTcpHeaderBytes, parseTcpOptions, type TcpOption, TcpOptionKind } from '../../wire/index.js';

/** An option and its place. */
export interface PlacedOption {
  readonly kind: number;
  /** From the start of the TCP header. */
  readonly offset: number;
  readonly length: number;
  readonly option: TcpOption;
}

export interface HeaderOptions {
  /** Without the padding. */
  readonly options: readonly PlacedOption[];
  /** Offset of an option that overruns the header; -1 for none. */
  readonly overrunAt: number;
  /** Offset of the first byte behind the end of the list that is not 0; -1 for none. */
  readonly strayAt: number;
}

/** Reads the options of a whole TCP header. */
export function readHeaderOptions(header: Uint8Array): HeaderOptions {
  const options: PlacedOption[] = [];
  for (let at = minTcpHeaderBytes; at < header.length;) {
    const kind = header[at]!;
    if (kind === TcpOptionKind.END) {
      const stray = header.findIndex((byte, index) => index > at && byte !== 0);
      return { options, overrunAt: -1, strayAt: stray };
    }
    if (kind === TcpOptionKind.NOP) {
      at++;
      continue;
    }
    const length = at + 1 < header.length ? header[at + 1]! : 0;
    if (length < 2 || at + length > header.length) return { options, overrunAt: at, strayAt: -1 };
    const [option] = parseTcpOptions(header, at, length).options;
    options.push({ kind, offset: at, length, option: option! });
    at += length;
  }
  return { options, overrunAt: -1, strayAt: -1 };
}

/** The first option of a header that is of Multipath TCP and of this subtype. */
export function mptcpOf(options: readonly PlacedOption[], subtype: string): PlacedOption | undefined {
  return options.find(({ option }) => option.kind === 'mptcp' && option.option.subtype === subtype);
}

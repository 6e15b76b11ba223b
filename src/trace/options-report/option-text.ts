/**
 * Any TCP option in words, and what is unusual about it by itself.
 * Read first: RFC 9293 §3.2, RFC 7323 §2 and §3, RFC 2018 §2, RFC 7413 §4.1.1.
 */
import { TcpFlag, type TcpOption } from '../../wire/index.js';
import type { PlacedOption } from './header-options.js';
import { note, type OptionNote, type OptionReport } from './model.js';
import { describeMptcp, type Described, hexBytes } from './mptcp-text.js';

/** Every path carries segments of this payload (RFC 9293 §3.7.1, IPv4): less is a mistake, or an attack. */
const LEAST_MSS = 536;
/** RFC 7323 §2.3. */
const MOST_SHIFT = 14;
/** Names by IANA of kinds that are seen now and then and have no form here. */
const otherKinds: Readonly<Record<number, string>> = {
  19: 'MD5 signature',
  27: 'Quick-Start',
  28: 'user timeout',
  29: 'authentication (TCP-AO)',
  69: 'encryption negotiation (TCP-ENO)',
  172: 'accurate ECN, order 0',
  174: 'accurate ECN, order 1',
  253: 'experiment 253',
  254: 'experiment 254',
};

/** One option of a header whose flags are `flags`. */
export function describeOption({ kind, offset, length, option }: PlacedOption, flags: number): OptionReport {
  const place = { kind, offset, length };
  if (option.kind === 'mptcp') {
    return { name: option.option.subtype, ...place, ...describeMptcp(option.option) };
  }
  return { name: nameOf(option, kind), ...place, ...describeTcp(option, offset, flags) };
}

function nameOf(option: TcpOption, kind: number): string {
  switch (option.kind) {
    case 'mss':
      return 'MSS';
    case 'window-scale':
      return 'window scale';
    case 'sack-permitted':
      return 'SACK permitted';
    case 'sack':
      return 'SACK';
    case 'timestamps':
      return 'timestamps';
    case 'fast-open':
      return 'Fast Open';
    case 'malformed':
    case 'unknown':
    case 'mptcp':
    case 'nop':
      return tcpKindName(kind);
  }
}

/** What people call an option of TCP by its kind. */
export function tcpKindName(kind: number): string {
  return knownKinds[kind] ?? otherKinds[kind] ?? `kind ${kind}`;
}

const knownKinds: Readonly<Record<number, string>> = {
  1: 'padding (NOP)',
  2: 'MSS',
  3: 'window scale',
  4: 'SACK permitted',
  5: 'SACK',
  8: 'timestamps',
  30: 'Multipath TCP',
  34: 'Fast Open',
};

function describeTcp(option: TcpOption, offset: number, flags: number): Described {
  const isSyn = (flags & TcpFlag.SYN) !== 0;
  switch (option.kind) {
    case 'mss':
      return {
        text: `takes up to ${option.mss} bytes of payload in a segment`,
        notes: [
          ...(option.mss < LEAST_MSS
            ? [note('warning', `less than the ${LEAST_MSS} bytes that every path carries`)]
            : []),
          ...synOnly(isSyn),
        ],
      };
    case 'window-scale':
      return {
        text: `windows count in units of ${2 ** Math.min(option.shift, MOST_SHIFT)} bytes (shift ${option.shift})`,
        notes: [
          ...(option.shift > MOST_SHIFT
            ? [note('warning', `the most is ${MOST_SHIFT}, and that is what counts`)]
            : []),
          ...synOnly(isSyn),
        ],
      };
    case 'sack-permitted':
      return { text: 'takes selective acknowledgements', notes: synOnly(isSyn) };
    case 'sack':
      return {
        text: `has ${option.blocks.map(({ left, right }) => `${left} to ${right}`).join(', ')}`,
        notes: isSyn ? [note('warning', 'does not belong into a SYN')] : [],
      };
    case 'timestamps':
      return {
        text: `${option.tsVal}, echoes ${option.tsEcr}`,
        notes:
          (flags & (TcpFlag.SYN | TcpFlag.ACK)) === TcpFlag.SYN && option.tsEcr !== 0
            ? [note('warning', 'a SYN has nothing to echo')]
            : [],
      };
    case 'fast-open':
      return {
        text: option.cookie.length === 0 ? 'asks for a cookie' : `cookie ${hexBytes(option.cookie)}`,
        notes: option.experimental ? [note('info', 'in the experimental option 254')] : [],
      };
    case 'malformed':
      return {
        text: `cannot be read: ${option.error.message}`,
        notes: [
          note(
            'warning',
            `malformed at byte ${offset + option.error.offset} of the header: ignored by its receiver`,
          ),
        ],
      };
    case 'unknown':
      return {
        text: `${option.body.length} bytes: ${hexBytes(option.body)}`,
        notes: otherKinds[option.number] === undefined ? [note('warning', 'nobody knows this kind')] : [],
      };
    case 'mptcp':
    case 'nop':
      return { text: '', notes: [] };
  }
}

function synOnly(isSyn: boolean): readonly OptionNote[] {
  return isSyn ? [] : [note('warning', 'belongs into SYNs only')];
}

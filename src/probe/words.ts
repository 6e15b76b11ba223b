/** Packets and outcomes in words, and options in the hexadecimal form that tools for tracing boxes use. */
import type { IpAddress } from '../wire/index.js';
import {
  formatEndpoint,
  type IcmpError,
  IpPacket,
  IpProtocol,
  isIcmpError,
  MpCapableFlag,
  type MptcpOption,
  parseIcmp,
  parseIp,
  parseTcpPacket,
  TcpFlag,
  type TcpOption,
  TcpOptionKind,
  type TcpPacket,
} from '../wire/index.js';
import type { DataOutcome } from './data.js';
import type { JoinOutcome } from './joining.js';
import type { Opening } from './opening.js';
import type { Reaction, ScenarioResult } from './outcome.js';

/** Lower-case hexadecimal digits, two a byte. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function hexNumber(value: bigint | number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** The flags of a segment as people write them: `SYN+ACK`. */
export function flagsText(flags: number): string {
  const names = (['SYN', 'FIN', 'RST', 'ACK'] as const).filter((name) => (flags & TcpFlag[name]) !== 0);
  return names.length === 0 ? 'no flags' : names.join('+');
}

/** A packet in words: what it is, what its options say, how much data it carries. */
export interface PacketWords {
  /** `SYN+ACK`, `time exceeded` and the like; with the bytes of payload where there are any. */
  readonly what: string;
  /** Each option in words, MPTCP first. */
  readonly options: readonly string[];
  /** The MPTCP options without kind and length bytes, in hexadecimal. */
  readonly mptcp: readonly string[];
  /** From where to where. */
  readonly from: string;
  readonly to: string;
}

/** Describes an IP packet; undefined for one that cannot be read. */
export function packetWords(bytes: Uint8Array): PacketWords | undefined {
  const ip = new IpPacket();
  if (parseIp(bytes, 0, bytes.length, ip) !== undefined) return undefined;
  if (ip.protocol === IpProtocol.TCP) return segmentWords(bytes, ip);
  const result = parseIcmp(bytes, ip.payloadOffset, ip.payloadLength, ip.family);
  if (!result.ok) return undefined;
  const message = result.value;
  const what = isIcmpError(message) ? errorText(message) : `ICMP ${message.type.replace('-', ' ')}`;
  return { what, options: [], mptcp: [], from: ip.source.toString(), to: ip.destination.toString() };
}

/** `ICMP time exceeded`, with its code where that matters. */
export function errorText(message: IcmpError): string {
  const code = message.type === 'unreachable' ? `, code ${message.code}` : '';
  return `ICMP ${message.type.replaceAll('-', ' ')}${code}`;
}

function segmentWords(bytes: Uint8Array, ip: IpPacket): PacketWords | undefined {
  const result = parseTcpPacket(bytes, ip.payloadOffset, ip.payloadLength);
  if (!result.ok) return undefined;
  const tcp = result.value;
  const length = tcp.payload.length;
  const ends = {
    from: formatEndpoint({ address: ip.source, port: tcp.sourcePort }),
    to: formatEndpoint({ address: ip.destination, port: tcp.destinationPort }),
  };
  const isMptcp = (option: TcpOption): boolean => option.kind === 'mptcp';
  const shown = tcp.options.filter(({ kind }) => kind !== 'nop');
  const ordered = [...shown.filter(isMptcp), ...shown.filter((option) => !isMptcp(option))];
  return {
    what: `${flagsText(tcp.flags)}${length > 0 ? `, ${length} bytes` : ''}`,
    options: ordered.map(optionText),
    mptcp: mptcpHex(bytes, ip.payloadOffset, tcp),
    ...ends,
  };
}

/** The MPTCP options as they stand in the header, readable or not, without kind and length. */
function mptcpHex(bytes: Uint8Array, tcpOffset: number, tcp: TcpPacket): string[] {
  const found: string[] = [];
  const end = tcpOffset + (bytes[tcpOffset + 12]! >>> 4) * 4;
  if (tcp.options.length === 0) return found;
  for (let at = tcpOffset + 20; at < end && bytes[at] !== TcpOptionKind.END;) {
    const size = bytes[at] === TcpOptionKind.NOP ? 1 : Math.max(2, bytes[at + 1] ?? 2);
    if (at + size > end) break;
    if (bytes[at] === TcpOptionKind.MPTCP) found.push(toHex(bytes.subarray(at + 2, at + size)));
    at += size;
  }
  return found;
}

/** A TCP option in words. */
export function optionText(option: TcpOption): string {
  switch (option.kind) {
    case 'nop':
      return 'NOP';
    case 'mss':
      return `MSS ${option.mss}`;
    case 'window-scale':
      return `window scale ${option.shift}`;
    case 'sack-permitted':
      return 'SACK permitted';
    case 'sack':
      return `SACK, ${option.blocks.length} blocks`;
    case 'timestamps':
      return 'timestamps';
    case 'fast-open':
      return option.cookie.length === 0 ? 'Fast Open, asks for a cookie' : 'Fast Open cookie';
    case 'mptcp':
      return mptcpText(option.option);
    case 'unknown':
      return `option ${option.number}`;
    case 'malformed':
      return `option ${option.number}, malformed`;
  }
}

/** An MPTCP option in words. */
export function mptcpText(option: MptcpOption): string {
  switch (option.subtype) {
    case 'MP_CAPABLE': {
      const keys = [option.senderKey, option.receiverKey].filter((key) => key !== undefined);
      const names = keys.map((key) => hexNumber(key, 16)).join(', ');
      const list = capableFlags(option.version, option.flags);
      const data = option.dataLength === undefined ? '' : `, maps ${option.dataLength} bytes`;
      return `MP_CAPABLE version ${option.version}${list}${names === '' ? '' : `, key ${names}`}${data}`;
    }
    case 'MP_JOIN':
      if (option.phase === 'ack') return 'MP_JOIN, proof';
      if (option.phase === 'synack') return `MP_JOIN, address ${option.addressId}, proof`;
      return `MP_JOIN, address ${option.addressId}, token ${hexNumber(option.token, 8)}`;
    case 'DSS':
      return dssText(option);
    case 'ADD_ADDR': {
      const port = option.port === undefined ? '' : ` port ${option.port}`;
      return `ADD_ADDR ${option.echo ? 'echo ' : ''}${option.addressId}: ${option.address.toString()}${port}`;
    }
    case 'REMOVE_ADDR':
      return `REMOVE_ADDR ${option.addressIds.join(', ')}`;
    case 'MP_PRIO':
      return `MP_PRIO, ${option.backup ? 'backup' : 'regular'}`;
    case 'MP_FAIL':
      return `MP_FAIL at ${hexNumber(option.dataSeq, 16)}`;
    case 'MP_FASTCLOSE':
      return 'MP_FASTCLOSE';
    case 'MP_TCPRST':
      return `MP_TCPRST, reason ${option.reason}`;
    case 'MP_EXPERIMENTAL':
      return 'MP_EXPERIMENTAL';
    case 'UNKNOWN':
      return `MPTCP subtype ${option.code}`;
  }
}

function capableFlags(version: number, flags: number): string {
  const checksum = (flags & MpCapableFlag.CHECKSUM) !== 0 ? ', checksums' : '';
  const refuses = version > 0 && (flags & MpCapableFlag.NO_JOIN_TO_INITIAL) !== 0;
  return `${checksum}${refuses ? ', no joins to this address' : ''}`;
}

function dssText({ dataAck, mapping, dataFin }: Extract<MptcpOption, { subtype: 'DSS' }>): string {
  const parts = [
    ...(dataAck === undefined ? [] : [`DATA_ACK ${hexNumber(dataAck.value, dataAck.bits / 4)}`]),
    ...(mapping === undefined
      ? []
      : [
          mapping.dataLength === 0
            ? 'infinite mapping'
            : `maps ${mapping.dataLength} bytes to ${hexNumber(mapping.dataSeq.value, mapping.dataSeq.bits / 4)}`,
        ]),
    ...(mapping?.checksum === undefined ? [] : [`checksum ${hexNumber(mapping.checksum, 4)}`]),
    ...(dataFin ? ['DATA_FIN'] : []),
  ];
  return `DSS, ${parts.join(', ')}`;
}

/** A reaction as it stands in tables. */
export function reactionText(reaction: Reaction): string {
  if (reaction === 'plain-tcp') return 'plain TCP';
  return reaction === 'syn-dropped' ? 'SYN dropped' : reaction.replaceAll('-', ' ');
}

/** What the target did, step by step. */
export function resultSentences(result: ScenarioResult): string[] {
  const { opening, control, firstData, data, join, joinData, notes = [] } = result;
  return [
    ...(opening === undefined ? [] : [openingText(opening)]),
    ...(control === undefined ? [] : [`A SYN without MPTCP: ${openingText(control)}`]),
    ...(firstData === undefined ? [] : [`First data: ${dataText(firstData)}`]),
    ...(data === undefined ? [] : [`Data: ${dataText(data)}`]),
    ...(join === undefined ? [] : [`Join: ${joinText(join)}`]),
    ...(joinData === undefined ? [] : [`Data on the joined subflow: ${dataText(joinData)}`]),
    ...notes,
    ...(result.unheard > 0 ? [`${result.unheard} further packets of the target's were not looked at.`] : []),
  ];
}

function openingText(opening: Opening): string {
  switch (opening.kind) {
    case 'mptcp': {
      const asks = opening.asksForChecksum ? ', asks for DSS checksums' : '';
      const refuses = opening.refusesJoins ? ', wants no joins to this address' : '';
      return `The SYN+ACK has MP_CAPABLE of version ${opening.version}${asks}${refuses}.`;
    }
    case 'plain':
      return opening.echoed
        ? "The SYN+ACK brought the SYN's own MP_CAPABLE back: a box copies options."
        : 'The SYN+ACK has no MP_CAPABLE.';
    case 'refused':
      return 'The SYN was answered by a RST.';
    case 'silent':
      return 'No answer came.';
    case 'unreachable':
      return `${opening.by.toString()} answered with ${errorText(opening.error)}.`;
  }
}

function dataText(outcome: DataOutcome): string {
  switch (outcome.kind) {
    case 'data-acked':
      return 'acknowledged by a DATA_ACK.';
    case 'not-taken':
      return 'acknowledged by TCP; the DATA_ACK stayed where it was.';
    case 'plain-acked':
      return 'acknowledged by TCP, without a DATA_ACK.';
    case 'failed':
      return outcome.reset ? 'MP_FAIL, with a RST.' : 'MP_FAIL.';
    case 'reset':
      return `RST${reasonText(outcome.reason)}.`;
    case 'silent':
      return 'no answer.';
  }
}

function joinText(outcome: JoinOutcome): string {
  switch (outcome.kind) {
    case 'accepted':
      return 'accepted; both proofs are right.';
    case 'answered':
      return 'the proof of the target is right; it said nothing to ours.';
    case 'refused':
      return `refused by a RST${reasonText(outcome.reason)}.`;
    case 'reset-after-proof':
      return `RST to the third packet${reasonText(outcome.reason)}.`;
    case 'plain':
      return 'the SYN+ACK has no MP_JOIN.';
    case 'wrong-proof':
      return 'the proof in the SYN+ACK is wrong: it comes from who does not know the keys.';
    case 'silent':
      return 'no answer.';
  }
}

function reasonText(reason: number | undefined): string {
  return reason === undefined ? '' : `, reason ${reason} (${resetReasons[reason] ?? 'unknown'})`;
}

/** RFC 8684 §3.6. */
const resetReasons: Readonly<Record<number, string>> = {
  0: 'unspecified',
  1: 'MPTCP-specific',
  2: 'lack of resources',
  3: 'administratively prohibited',
  4: 'too much outstanding data',
  5: 'unacceptable performance',
  6: 'middlebox interference',
};

/** An address and port as people write them. */
export function endpointText(address: IpAddress, port: number): string {
  return formatEndpoint({ address, port });
}

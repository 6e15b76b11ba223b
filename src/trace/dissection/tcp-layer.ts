/** A TCP header and what follows it. Read first: RFC 9293 §3.1. */
import { formatCount } from '../../base/index.js';
import {
  foldSum,
  type IpPacket,
  minTcpHeaderBytes,
  parseTcp,
  pseudoHeaderSumAt,
  readU16,
  TcpFlag,
  TcpSegment,
  verifyTcpChecksum,
} from '../../wire/index.js';
import { bytesText, type Explanation, type FieldList, hexNumber, setOrNot } from './field-list.js';
import type { Frame } from './frame.js';
import { addPayload } from './payload-layer.js';
import { addTcpOptions } from './tcp-options.js';
import { tcpTexts as texts } from './tcp-texts.js';

/** The flags from the highest bit down, as they are written and what they mean. */
const flags: readonly (readonly [name: string, bit: number, about: Explanation])[] = [
  ['CWR', TcpFlag.CWR, texts.cwr],
  ['ECE', TcpFlag.ECE, texts.ece],
  ['URG', TcpFlag.URG, texts.urg],
  ['ACK', TcpFlag.ACK, texts.ackFlag],
  ['PSH', TcpFlag.PSH, texts.psh],
  ['RST', TcpFlag.RST, texts.rst],
  ['SYN', TcpFlag.SYN, texts.syn],
  ['FIN', TcpFlag.FIN, texts.fin],
];

/** Adds the TCP header that `packet` carries, and its payload. */
export function dissectTcp(frame: Frame, packet: IpPacket): void {
  const { payloadOffset: at, payloadAvailable: available, payloadLength } = packet;
  const segment = new TcpSegment();
  const error = parseTcp(frame.bytes, at, available, segment, payloadLength);
  if (error !== undefined) frame.hinder(error.message);
  const stated = available > 12 ? (frame.bytes[at + 12]! >>> 4) * 4 : minTcpHeaderBytes;
  const headerEnd = at + Math.min(Math.max(stated, minTcpHeaderBytes), available);
  const list = frame.list(headerEnd);
  addHeaderFields(list, at, checksumVerdict(frame, packet));
  const names = addTcpOptions(frame, list, at, stated);
  const summary = error === undefined ? summaryOf(segment, names) : 'cut short, or damaged';
  frame.add('TCP', summary, at, list);
  if (error === undefined) {
    addPayload(frame, segment.payloadOffset, segment.payloadAvailable, segment.payloadLength);
  }
}

function addHeaderFields(list: FieldList, at: number, verdict: string): void {
  list.number('source port', at, 2, texts.sourcePort);
  list.number('destination port', at + 2, 2, texts.destinationPort);
  list.number('sequence number', at + 4, 4, texts.seq);
  list.number('acknowledgement number', at + 8, 4, texts.ack);
  const bytes = (words: number): string => `${words * 4} bytes`;
  list.bits('data offset', at + 12, 1, { mask: 0xf0, value: bytes }, texts.dataOffset);
  list.bits('reserved', at + 12, 1, { mask: 0x0f, value: String }, texts.reserved);
  const parts = list.nested((inner) => {
    for (const [name, mask, about] of flags) inner.bits(name, at + 13, 1, { mask, value: setOrNot }, about);
  });
  list.add('flags', at + 13, 1, () => flagNames(list.bytes[at + 13]!), texts.flags, parts);
  list.number('window', at + 14, 2, texts.window, formatCount);
  list.number('checksum', at + 16, 2, texts.checksum, (sum) => hexNumber(sum, 4) + verdict);
  list.number('urgent pointer', at + 18, 2, texts.urgentPointer);
}

/** `SYN, ACK`; `none` for none. */
function flagNames(byte: number): string {
  const names = flags.filter(([, bit]) => (byte & bit) !== 0).map(([name]) => name);
  return names.length === 0 ? 'none' : names.reverse().join(', ');
}

/** What the checksum is worth; nothing where it cannot be told. */
function checksumVerdict({ bytes }: Frame, packet: IpPacket): string {
  const { payloadOffset, payloadLength, payloadAvailable, family, isFragment } = packet;
  if (isFragment || payloadAvailable < payloadLength || payloadLength < minTcpHeaderBytes) return '';
  if (packet.routingSegmentsLeft > 0) return '';
  const addressBytes = family === 4 ? 8 : 32;
  const pseudo = pseudoHeaderSumAt(bytes, packet.sourceOffset, addressBytes, packet.protocol, payloadLength);
  if (verifyTcpChecksum(bytes, payloadOffset, payloadLength, pseudo)) return ', right';
  // How Linux leaves it to a network card: with the sum of the pseudo-header alone.
  const isLeft = readU16(bytes, payloadOffset + 16) === foldSum(pseudo);
  return isLeft ? ', left to the network card' : ', wrong';
}

function summaryOf(segment: TcpSegment, names: readonly string[]): string {
  const { sourcePort, destinationPort, payloadLength } = segment;
  const parts = [
    `${sourcePort} → ${destinationPort}`,
    flagNames(segment.flags),
    ...names,
    ...(payloadLength > 0 ? [bytesText(payloadLength)] : []),
  ];
  return parts.join(', ');
}

/** UDP and ICMP, in a few words. Read first: RFC 768, RFC 792, RFC 4443 §2. */
import {
  type IcmpMessage,
  type IpPacket,
  isIcmpError,
  parseIcmp,
  type QuotedPacket,
} from '../../wire/index.js';
import { bytesText, type FieldList, hexNumber } from './field-list.js';
import type { Frame } from './frame.js';
import { ipTexts as texts, protocolName } from './ip-texts.js';
import { addPayload } from './payload-layer.js';

export function dissectUdp(
  frame: Frame,
  { payloadOffset: at, payloadAvailable, payloadLength }: IpPacket,
): void {
  const list = frame.list(at + Math.min(8, payloadAvailable));
  list.number('source port', at, 2, texts.udpPort);
  list.number('destination port', at + 2, 2, texts.udpPort);
  list.number('length', at + 4, 2, texts.udpLength, bytesText);
  list.number('checksum', at + 6, 2, texts.udpChecksum, (sum) => hexNumber(sum, 4));
  const [from, to] = list.fields;
  if (payloadAvailable < 8) frame.hinder('the UDP header is cut short');
  frame.add('UDP', to === undefined ? 'cut short' : `${from!.value} → ${to.value}`, at, list);
  addPayload(frame, at + 8, payloadAvailable - 8, payloadLength - 8);
}

export function dissectIcmp(frame: Frame, packet: IpPacket, family: 4 | 6): void {
  const { payloadOffset: at, payloadAvailable: length } = packet;
  const message = parseIcmp(frame.bytes, at, length, family);
  if (!message.ok) frame.hinder(message.message);
  const list = frame.list(at + length);
  list.number('type', at, 1, family === 4 ? texts.icmpType : texts.icmpType6);
  list.number('code', at + 1, 1, family === 4 ? texts.icmpCode : texts.icmpCode6);
  list.number('checksum', at + 2, 2, texts.icmpChecksum, (sum) => hexNumber(sum, 4));
  if (message.ok) addMessage(list, message.value, at, length);
  const summary = message.ok ? summaryOf(message.value) : 'cut short';
  frame.add(family === 4 ? 'ICMP' : 'ICMPv6', summary, at, list);
}

function addMessage(list: FieldList, message: IcmpMessage, at: number, length: number): void {
  list.hex('rest of the header', at + 4, 4, texts.icmpRest);
  if (length <= 8) return;
  if (!isIcmpError(message)) return list.hex('data', at + 8, length - 8, texts.icmpRest);
  const { quotedBytes, quoted } = message;
  const words = (): string => (quoted === undefined ? 'cut short' : quotationText(quoted));
  if (quotedBytes.length > 0) list.add('quotation', at + 8, quotedBytes.length, words, texts.icmpQuotation);
  const after = at + 8 + quotedBytes.length;
  if (after < at + length) list.hex('extensions', after, at + length - after, texts.icmpRest);
}

function quotationText({
  source,
  destination,
  protocol,
  sourcePort,
  destinationPort,
  seq,
}: QuotedPacket): string {
  const name = protocolName(protocol);
  const from = source.toString() + (sourcePort === undefined ? '' : ` port ${sourcePort}`);
  const to = destination.toString() + (destinationPort === undefined ? '' : ` port ${destinationPort}`);
  return `${name}, ${from} → ${to}${seq === undefined ? '' : `, sequence number ${seq}`}`;
}

function summaryOf(message: IcmpMessage): string {
  if (message.type === 'unknown') return `type ${message.number}, code ${message.code}`;
  const words = message.type.replaceAll('-', ' ');
  if (!isIcmpError(message)) return words;
  const { quoted } = message;
  return quoted === undefined ? words : `${words}: ${quotationText(quoted)}`;
}

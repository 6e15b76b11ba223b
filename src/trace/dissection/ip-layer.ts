/**
 * The headers of an IP packet, options and extension headers among them. What they say as a whole is read by the codec; here
 * stand names and places. Gives what lies behind them, as far as the frame has it.
 * Read first: RFC 791 §3.1, RFC 8200 §3 and §4.
 */
import {
  IpAddress,
  IpPacket,
  IpProtocol,
  parseIp,
  placeIpv4Options,
  placeIpv6Extensions,
  readU16,
  verifyIpv4Checksum,
} from '../../wire/index.js';
import { bytesText, type FieldList, hexNumber, setOrNot } from './field-list.js';
import type { Frame } from './frame.js';
import { ecnText, ipTexts as texts, protocolName, protocolText } from './ip-texts.js';

/** More than any packet can state: what was cut off by the capture is no mistake of the packet. */
const mostPacketBytes = 40 + 0xffff;

/** The packet at `at`, whose layer is added; undefined where nothing behind its headers can be read. */
export function dissectIp(frame: Frame, at: number, end: number): IpPacket | undefined {
  const packet = new IpPacket();
  const error = parseIp(frame.bytes, at, end - at, packet, statedOrAll(frame.bytes, at, end));
  if (error !== undefined) frame.hinder(error.message);
  const version = at < end ? frame.bytes[at]! >>> 4 : 0;
  const known = error === undefined ? packet : undefined;
  if (version === 4) addIpv4(frame, at, end, known);
  else if (version === 6) addIpv6(frame, at, end, known);
  if (known?.family === 6 && known.totalLength === 40) untilTheEnd(known, end);
  return known;
}

/**
 * How long a packet may be that says how long it is. One that says 0 was to be cut by the sender's device, and reaches to the
 * end of the frame.
 */
function statedOrAll(bytes: Uint8Array, at: number, end: number): number {
  const isOffloaded = end - at >= 20 && bytes[at]! >>> 4 === 4 && readU16(bytes, at + 2) === 0;
  return isOffloaded ? end - at : Math.max(mostPacketBytes, end - at);
}

/** The same in IPv6: a payload length of 0 in front of a header of TCP, or a jumbogram (RFC 2675 §3). */
function untilTheEnd(packet: IpPacket, end: number): void {
  if (packet.protocol === IpProtocol.NO_NEXT_HEADER) return;
  packet.payloadLength = Math.max(0, end - packet.payloadOffset);
  packet.payloadAvailable = packet.payloadLength;
  packet.totalLength = packet.headerLength + packet.payloadLength;
}

function addIpv4(frame: Frame, at: number, end: number, packet: IpPacket | undefined): void {
  const { bytes } = frame;
  const headerLength = Math.max(20, (bytes[at]! & 15) * 4);
  const list = frame.list(Math.min(at + headerLength, end));
  list.bits('version', at, 1, { mask: 0xf0, value: String }, texts.version);
  list.bits(
    'header length',
    at,
    1,
    { mask: 0x0f, value: (words) => `${words * 4} bytes` },
    texts.headerLength,
  );
  trafficClass(list, at + 1, 1, 0);
  list.number('total length', at + 2, 2, texts.totalLength, bytesText);
  list.number('identification', at + 4, 2, texts.identification, (id) => hexNumber(id, 4));
  fragmentFields(list, at + 6);
  list.number('time to live', at + 8, 1, texts.hopLimit);
  list.number('protocol', at + 9, 1, texts.protocol, protocolText);
  list.number('header checksum', at + 10, 2, texts.checksum, (sum) => {
    const isWhole = list.has(at, headerLength);
    const verdict = isWhole && verifyIpv4Checksum(bytes, at, headerLength) ? ', right' : ', wrong';
    return hexNumber(sum, 4) + (isWhole ? verdict : '');
  });
  list.add('source', at + 12, 4, () => IpAddress.readV4(bytes, at + 12).toString(), texts.source);
  list.add('destination', at + 16, 4, () => IpAddress.readV4(bytes, at + 16).toString(), texts.destination);
  addIpv4Options(list, at + 20, at + headerLength);
  frame.add('IPv4', summaryOf(packet), at, list);
}

function fragmentFields(list: FieldList, at: number): void {
  list.bits('reserved', at, 2, { mask: 0x8000, value: setOrNot }, texts.reservedFlag);
  list.bits("don't fragment", at, 2, { mask: 0x4000, value: setOrNot }, texts.dontFragment);
  list.bits('more fragments', at, 2, { mask: 0x2000, value: setOrNot }, texts.moreFragments);
  const value = (units: number): string => bytesText(units * 8);
  list.bits('fragment offset', at, 2, { mask: 0x1fff, value }, texts.fragmentOffset);
}

/** DSCP and ECN, eight bits that stand `shift` bits from the right of a number of `length` bytes. */
function trafficClass(list: FieldList, at: number, length: 1 | 4, shift: number): void {
  list.bits('DSCP', at, length, { mask: (0xfc << shift) >>> 0, value: String }, texts.dscp);
  list.bits('ECN', at, length, { mask: (0x03 << shift) >>> 0, value: ecnText }, texts.ecn);
}

function addIpv4Options(list: FieldList, start: number, end: number): void {
  let at = start;
  for (const { type, offset, length } of placeIpv4Options(list.bytes, start, list.end - start)) {
    padding(list, at, offset);
    list.add('option', offset, length, () => `type ${type}, ${bytesText(length)}`, texts.option);
    at = offset + length;
  }
  padding(list, at, Math.min(end, list.end));
}

function padding(list: FieldList, from: number, to: number): void {
  if (to > from) list.hex('padding', from, to - from, texts.optionPadding);
}

function addIpv6(frame: Frame, at: number, end: number, packet: IpPacket | undefined): void {
  const { bytes } = frame;
  const list = frame.list(Math.min(at + 40, end));
  list.bits('version', at, 4, { mask: 0xf000_0000, value: String }, texts.version6);
  trafficClass(list, at, 4, 20);
  list.bits('flow label', at, 4, { mask: 0xf_ffff, value: (label) => hexNumber(label, 5) }, texts.flowLabel);
  list.number('payload length', at + 4, 2, texts.payloadLength, bytesText);
  list.number('next header', at + 6, 1, texts.nextHeader, protocolText);
  list.number('hop limit', at + 7, 1, texts.hopLimit6);
  list.add('source', at + 8, 16, () => IpAddress.readV6(bytes, at + 8).toString(), texts.source6);
  list.add('destination', at + 24, 16, () => IpAddress.readV6(bytes, at + 24).toString(), texts.destination6);
  frame.add('IPv6', summaryOf(packet), at, list);
  if (!list.has(at, 40)) return;
  const headers = packet === undefined ? end - at : packet.headerLength;
  for (const { type, offset, length } of placeIpv6Extensions(bytes, at, headers)) {
    addExtension(frame, type, offset, length);
  }
}

function addExtension(frame: Frame, type: number, at: number, length: number): void {
  const list = frame.list(at + length);
  list.number('next header', at, 1, texts.nextHeader, protocolText);
  if (type === IpProtocol.FRAGMENT) {
    list.number('reserved', at + 1, 1, texts.reservedFlag);
    const value = (units: number): string => bytesText(units * 8);
    list.bits('fragment offset', at + 2, 2, { mask: 0xfff8, value }, texts.fragmentHeader);
    list.bits('reserved', at + 2, 2, { mask: 0x0006, value: String }, texts.reservedFlag);
    list.bits('more fragments', at + 2, 2, { mask: 0x0001, value: setOrNot }, texts.fragmentHeader);
    const words = (id: number): string => hexNumber(id, 8);
    list.number('identification', at + 4, 4, texts.fragmentIdentification, words);
  } else {
    list.number('length', at + 1, 1, texts.extensionLength, () => bytesText(length));
    addExtensionBody(list, type, at, length);
  }
  frame.add(protocolName(type), bytesText(length), at, list);
}

function addExtensionBody(list: FieldList, type: number, at: number, length: number): void {
  if (type !== IpProtocol.ROUTING) return list.hex('content', at + 2, length - 2, texts.extensionBody);
  list.number('routing type', at + 2, 1, texts.routingType);
  list.number('segments left', at + 3, 1, texts.segmentsLeft);
  list.hex('content', at + 4, length - 4, texts.extensionBody);
}

function summaryOf(packet: IpPacket | undefined): string {
  if (packet === undefined) return 'cut short, or damaged';
  return `${packet.source.toString()} → ${packet.destination.toString()}, ${protocolName(packet.protocol)}`;
}

/** Whether the bytes behind the headers are the middle or the end of a packet, so that no header stands there. */
export function isLaterFragment(packet: IpPacket): boolean {
  return packet.fragmentOffset > 0;
}

/**
 * The link header of a frame, with VLAN tags and 802.2. Where it ends and what it carries is what the capture layer finds; here
 * its fields are named. Layouts: IEEE 802.3 §3.2, IEEE 802.1Q §9.6, tcpdump.org/linktypes.html.
 */
import { isKnownLinkType, isVlanTag, LinkPayload, linkPayload, LinkType } from '../../capture/index.js';
import { readU16 } from '../../wire/index.js';
import { type FieldList, setOrNot } from './field-list.js';
import type { Frame } from './frame.js';
import { cookedTypeText, etherTypeText, linkTexts as texts } from './link-texts.js';

/** Where the IP packet of the frame begins; -1 where there is none. Adds the layers before it. */
export function dissectLink(frame: Frame, linkType: number): number {
  const { bytes } = frame;
  const payload = new LinkPayload();
  const found = linkPayload(linkType, bytes, 0, bytes.length, payload);
  if (!isKnownLinkType(linkType)) {
    frame.hinder(`link type ${linkType} is not known`);
    return -1;
  }
  addHeader(frame, linkType);
  if (found !== undefined) return found.offset;
  frame.hinder(
    payload.etherType === 0 || payload.offset >= bytes.length
      ? 'the link header is cut short, or it is not one'
      : `the frame carries no IP but ${etherTypeText(payload.etherType)}`,
  );
  return -1;
}

function addHeader(frame: Frame, linkType: number): void {
  switch (linkType) {
    case LinkType.ETHERNET:
      return addEthernet(frame);
    case LinkType.LINUX_SLL:
      return addCooked(frame);
    case LinkType.LINUX_SLL2:
      return addCooked2(frame);
    case LinkType.NULL:
    case LinkType.LOOP:
      return addLoopback(frame);
  }
}

function addEthernet(frame: Frame): void {
  const list = frame.list(14);
  macAddress(list, 'destination', 0, texts.destination);
  macAddress(list, 'source', 6, texts.source);
  const type = list.has(12, 2) ? readU16(frame.bytes, 12) : 0;
  const isLength = type <= 1500;
  if (isLength) list.number('length', 12, 2, texts.length);
  else list.number('EtherType', 12, 2, texts.etherType, etherTypeText);
  const [to, from] = list.fields;
  frame.add(
    'Ethernet',
    to !== undefined && from !== undefined ? `${from.value} → ${to.value}` : 'cut short',
    0,
    list,
  );
  if (isLength) addLogicalLink(frame, 14);
  else addTags(frame, type, 14);
}

/** 802.2 with SNAP, eight bytes (RFC 1042). */
function addLogicalLink(frame: Frame, at: number): void {
  const list = frame.list(at + 8);
  list.hex('802.2 header', at, 3, texts.logicalLink);
  list.hex('organisation', at + 3, 3, texts.logicalLink);
  list.number('EtherType', at + 6, 2, texts.etherType, etherTypeText);
  frame.add('802.2', list.fields[2]?.value ?? 'cut short', at, list);
  if (list.has(at + 6, 2)) addTags(frame, readU16(frame.bytes, at + 6), at + 8);
}

/** The VLAN tags from `at` on; `type` is the EtherType before them. */
function addTags(frame: Frame, type: number, at: number): void {
  const list = frame.list(at + 4);
  if (!isVlanTag(type) || !list.has(at, 4)) return;
  const control = list.nested((inner) => {
    inner.bits('priority', at, 2, { mask: 0xe000, value: String }, texts.priority);
    inner.bits('drop eligible', at, 2, { mask: 0x1000, value: setOrNot }, texts.dropEligible);
    inner.bits('VLAN', at, 2, { mask: 0x0fff, value: String }, texts.vlan);
  });
  const vlan = readU16(frame.bytes, at) & 0xfff;
  list.add('tag control', at, 2, () => `VLAN ${vlan}`, texts.tag, control);
  list.number('EtherType', at + 2, 2, texts.etherType, etherTypeText);
  frame.add('VLAN tag', `VLAN ${vlan}`, at, list);
  addTags(frame, readU16(frame.bytes, at + 2), at + 4);
}

function addCooked(frame: Frame): void {
  const list = frame.list(16);
  list.number('packet type', 0, 2, texts.cookedPacketType, cookedTypeText);
  list.number('device type', 2, 2, texts.cookedDeviceType);
  list.number('address length', 4, 2, texts.cookedAddressLength);
  list.hex('address', 6, 8, texts.cookedAddress);
  list.number('protocol', 14, 2, texts.cookedProtocol, etherTypeText);
  frame.add('Linux cooked capture', list.fields[0]?.value ?? 'cut short', 0, list);
  if (list.has(14, 2)) addTags(frame, readU16(frame.bytes, 14), 16);
}

function addCooked2(frame: Frame): void {
  const list = frame.list(20);
  list.number('protocol', 0, 2, texts.cookedProtocol, etherTypeText);
  list.number('reserved', 2, 2, texts.reserved);
  list.number('interface', 4, 4, texts.interfaceIndex);
  list.number('device type', 8, 2, texts.cookedDeviceType);
  list.number('packet type', 10, 1, texts.cookedPacketType, cookedTypeText);
  list.number('address length', 11, 1, texts.cookedAddressLength);
  list.hex('address', 12, 8, texts.cookedAddress);
  frame.add('Linux cooked capture 2', list.fields[4]?.value ?? 'cut short', 0, list);
  if (list.has(0, 2)) addTags(frame, readU16(frame.bytes, 0), 20);
}

function addLoopback(frame: Frame): void {
  const list = frame.list(4);
  list.hex('family', 0, 4, texts.family);
  frame.add('loopback', list.fields[0]?.value ?? 'cut short', 0, list);
}

function macAddress(
  list: FieldList,
  name: string,
  at: number,
  about: { meaning: string; source: string },
): void {
  const text = (): string =>
    Array.from(list.bytes.subarray(at, at + 6), (byte) => byte.toString(16).padStart(2, '0')).join(':');
  list.add(name, at, 6, text, about);
}

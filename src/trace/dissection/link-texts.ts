/** What the fields of link headers mean. */
import type { Explanation } from './field-list.js';

const ethernet = 'IEEE 802.3 §3.2';
const tag = 'IEEE 802.1Q §9.6';
const cooked = 'tcpdump.org, LINKTYPE_LINUX_SLL';
const cooked2 = 'tcpdump.org, LINKTYPE_LINUX_SLL2';

export const linkTexts = {
  destination: {
    meaning: 'Station on this link that is to take the frame: for an address elsewhere, the next router.',
    source: ethernet,
  },
  source: { meaning: 'Station on this link that sent the frame.', source: ethernet },
  etherType: { meaning: 'What the frame carries.', source: ethernet },
  length: {
    meaning: 'Bytes that follow, without padding: an 802.2 header says what they are.',
    source: ethernet,
  },
  tag: { meaning: 'Says which virtual network of the link the frame belongs to.', source: tag },
  priority: { meaning: 'Class of traffic for the switches on the way, 0 to 7.', source: tag },
  dropEligible: {
    meaning: 'Whether switches should drop this frame before others when they must.',
    source: tag,
  },
  vlan: { meaning: 'Number of the virtual network; 0 is a tag that only states a priority.', source: tag },
  logicalLink: {
    meaning: 'Says that the EtherType follows, behind the number of who defined it.',
    source: 'RFC 1042',
  },
  cookedPacketType: {
    meaning: 'Whom the frame was for, seen from the host that captured it.',
    source: cooked,
  },
  cookedDeviceType: { meaning: 'Kind of device, an ARPHRD number of Linux.', source: cooked },
  cookedAddressLength: {
    meaning: 'How many of the next bytes are the link address of the sender.',
    source: cooked,
  },
  cookedAddress: { meaning: 'Link address of the sender.', source: cooked },
  cookedProtocol: {
    meaning: 'What the frame carries, as an EtherType where the device has such.',
    source: cooked,
  },
  reserved: { meaning: 'Nothing yet: 0.', source: cooked2 },
  interfaceIndex: { meaning: 'Number of the interface on the host that captured.', source: cooked2 },
  family: {
    meaning:
      'Address family, in the byte order of the host that captured (in network order with link type 108).',
    source: 'tcpdump.org, LINKTYPE_NULL and LINKTYPE_LOOP',
  },
  padding: {
    meaning: 'Fills the frame up to the least length of the link; belongs to no packet.',
    source: ethernet,
  },
} as const satisfies Record<string, Explanation>;

const etherTypes: Readonly<Record<number, string>> = {
  0x0800: 'IPv4',
  0x0806: 'ARP',
  0x8100: 'VLAN tag',
  0x86dd: 'IPv6',
  0x8847: 'MPLS',
  0x8863: 'PPPoE discovery',
  0x8864: 'PPPoE session',
  0x88a8: 'VLAN service tag',
  0x88cc: 'LLDP',
  0x9100: 'VLAN tag',
  0x9200: 'VLAN tag',
};

/** `IPv4 (0x0800)`; the number alone where it has no name here. */
export function etherTypeText(type: number): string {
  const number = `0x${type.toString(16).padStart(4, '0')}`;
  const name = etherTypes[type];
  return name === undefined ? number : `${name} (${number})`;
}

/** What a packet of a cooked capture was to the host that captured it. */
export function cookedTypeText(type: number): string {
  const name = ['to this host', 'broadcast', 'multicast', 'to another host', 'from this host'][type];
  return name === undefined ? String(type) : `${name} (${type})`;
}

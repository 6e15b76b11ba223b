/** What the fields of the IP headers, and of the messages beside TCP, mean. */
import { IpProtocol } from '../../wire/index.js';
import type { Explanation } from './field-list.js';

const ipv4 = 'RFC 791 §3.1';
const ipv6 = 'RFC 8200 §3';
const extension = 'RFC 8200 §4';

export const ipTexts = {
  version: { meaning: 'Which IP this is; all that follows depends on it.', source: ipv4 },
  version6: { meaning: 'Which IP this is; all that follows depends on it.', source: ipv6 },
  headerLength: { meaning: 'Length of this header with its options, in words of 4 bytes.', source: ipv4 },
  dscp: {
    meaning:
      'Differentiated services code point: which treatment the packet asks of the routers; 0 is best effort.',
    source: 'RFC 2474 §3',
  },
  ecn: {
    meaning:
      'Explicit congestion notification: whether the sender understands it, and whether a queue has marked the packet.',
    source: 'RFC 3168 §5',
  },
  totalLength: { meaning: 'Bytes of the packet, this header included.', source: ipv4 },
  identification: {
    meaning: 'The same in all fragments of one packet; else it means nothing.',
    source: 'RFC 6864 §4',
  },
  flags: {
    meaning: 'Whether routers may cut the packet into fragments, and whether this is one that others follow.',
    source: ipv4,
  },
  reservedFlag: { meaning: 'Nothing: 0.', source: ipv4 },
  dontFragment: {
    meaning:
      'Routers must not cut the packet; too long for the next link, it is dropped and the sender told. TCP finds the path MTU so.',
    source: ipv4,
  },
  moreFragments: { meaning: 'More pieces of the same packet follow.', source: ipv4 },
  fragmentOffset: {
    meaning: 'Where this piece belongs in the whole packet, in units of 8 bytes.',
    source: ipv4,
  },
  hopLimit: {
    meaning: 'Each router takes one away; at 0 the packet is dropped, so none goes in circles for ever.',
    source: ipv4,
  },
  hopLimit6: {
    meaning: 'Each router takes one away; at 0 the packet is dropped, so none goes in circles for ever.',
    source: ipv6,
  },
  protocol: { meaning: 'What follows this header.', source: ipv4 },
  checksum: { meaning: 'Checksum of this header alone; every router computes it anew.', source: ipv4 },
  source: {
    meaning:
      'Address that the packet comes from. With Multipath TCP it tells the subflow, not the connection.',
    source: ipv4,
  },
  source6: {
    meaning:
      'Address that the packet comes from. With Multipath TCP it tells the subflow, not the connection.',
    source: ipv6,
  },
  destination: { meaning: 'Address that the packet goes to.', source: ipv4 },
  destination6: { meaning: 'Address that the packet goes to.', source: ipv6 },
  option: { meaning: 'An option of IPv4; few routers let packets with options pass.', source: ipv4 },
  optionPadding: { meaning: 'Fills the header up to whole words of 4 bytes.', source: ipv4 },
  flowLabel: {
    meaning:
      'The same in all packets of a flow, so that routers which spread flows over links keep it together.',
    source: 'RFC 6437 §2',
  },
  payloadLength: { meaning: 'Bytes behind this header, extension headers included.', source: ipv6 },
  nextHeader: { meaning: 'What follows this header.', source: ipv6 },
  extensionLength: { meaning: 'Length of this extension header, in units of its own.', source: extension },
  extensionBody: { meaning: 'What the extension header holds.', source: extension },
  fragmentHeader: {
    meaning: 'Where this piece belongs in the whole packet, and whether more follow.',
    source: 'RFC 8200 §4.5',
  },
  fragmentIdentification: { meaning: 'The same in all fragments of one packet.', source: 'RFC 8200 §4.5' },
  segmentsLeft: {
    meaning: 'Nodes that are still to be visited before the destination.',
    source: 'RFC 8200 §4.4',
  },
  routingType: { meaning: 'Which kind of routing header this is.', source: 'RFC 8200 §4.4' },
  udpPort: { meaning: 'Tells the sockets of a host apart.', source: 'RFC 768' },
  udpLength: { meaning: 'Bytes of header and data.', source: 'RFC 768' },
  udpChecksum: { meaning: 'Checksum of header, data and addresses; 0 in IPv4: none.', source: 'RFC 768' },
  icmpType: { meaning: 'What kind of message this is.', source: 'RFC 792' },
  icmpType6: { meaning: 'What kind of message this is.', source: 'RFC 4443 §2.1' },
  icmpCode: { meaning: 'Tells messages of one type further apart.', source: 'RFC 792' },
  icmpCode6: { meaning: 'Tells messages of one type further apart.', source: 'RFC 4443 §2.1' },
  icmpChecksum: { meaning: 'Checksum of the message.', source: 'RFC 792' },
  icmpRest: {
    meaning: 'Depends on the type: a number of an echo, the MTU of the next link, or nothing.',
    source: 'RFC 792',
  },
  icmpQuotation: {
    meaning: 'The beginning of the packet that caused the message: by it the sender finds its connection.',
    source: 'RFC 792',
  },
} as const satisfies Record<string, Explanation>;

const protocols: Readonly<Record<number, string>> = {
  [IpProtocol.HOP_BY_HOP]: 'hop-by-hop options',
  [IpProtocol.ICMP]: 'ICMP',
  2: 'IGMP',
  4: 'IPv4',
  [IpProtocol.TCP]: 'TCP',
  [IpProtocol.UDP]: 'UDP',
  41: 'IPv6',
  [IpProtocol.ROUTING]: 'routing header',
  [IpProtocol.FRAGMENT]: 'fragment header',
  47: 'GRE',
  [IpProtocol.ESP]: 'ESP',
  [IpProtocol.AUTHENTICATION]: 'authentication header',
  [IpProtocol.ICMPV6]: 'ICMPv6',
  [IpProtocol.NO_NEXT_HEADER]: 'nothing',
  [IpProtocol.DESTINATION_OPTIONS]: 'destination options',
  132: 'SCTP',
};

/** What people call the protocol of a number. */
export function protocolName(protocol: number): string {
  return protocols[protocol] ?? `protocol ${protocol}`;
}

/** `TCP (6)`. */
export function protocolText(protocol: number): string {
  const name = protocols[protocol];
  return name === undefined ? String(protocol) : `${name} (${protocol})`;
}

/** The ECN field in words (RFC 3168 §5). */
export function ecnText(bits: number): string {
  return ['not understood by the sender', 'ECT(1)', 'ECT(0)', 'congestion experienced'][bits]!;
}

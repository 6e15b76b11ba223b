/** What the fields of a TCP header and of its options mean, those of Multipath TCP excepted. */
import type { Explanation } from './field-list.js';

const header = 'RFC 9293 §3.1';
const list = 'RFC 9293 §3.2';
const ecn = 'RFC 3168 §6.1';

export const tcpTexts = {
  sourcePort: { meaning: 'With the addresses and the other port it names the subflow.', source: header },
  destinationPort: {
    meaning: 'Port of the receiver; a joining subflow mostly goes to the one of the first.',
    source: header,
  },
  seq: {
    meaning:
      "Number of the first byte of payload in this subflow alone (in a SYN: of the SYN). It counts from a random start; the order over all subflows is the data sequence number's.",
    source: header,
  },
  ack: {
    meaning:
      'Number of the byte that the sender expects next on this subflow; all before it have come. It does not say that the application may have them: that is what the DATA_ACK is for.',
    source: header,
  },
  dataOffset: {
    meaning: 'Length of this header with its options, in words of 4 bytes; 15 are the most.',
    source: header,
  },
  reserved: { meaning: 'Nothing yet: 0.', source: header },
  flags: { meaning: 'What the segment is.', source: header },
  cwr: { meaning: 'Congestion window reduced: the sender has heard the ECE.', source: ecn },
  ece: { meaning: 'A packet arrived with a mark of congestion; in a SYN: ECN is understood.', source: ecn },
  urg: { meaning: 'The urgent pointer counts.', source: header },
  ackFlag: {
    meaning: 'The acknowledgement number counts: in every segment but the first SYN.',
    source: header,
  },
  psh: { meaning: 'Hand the data to the application without waiting for more.', source: header },
  rst: {
    meaning: 'The subflow ends at once; a reason may stand in an MP_TCPRST.',
    source: 'RFC 9293 §3.5.2',
  },
  syn: { meaning: 'Opens the subflow and states where its sequence numbers begin.', source: 'RFC 9293 §3.5' },
  fin: {
    meaning: "No more bytes on this subflow. The end of the connection's data is the DATA_FIN.",
    source: 'RFC 9293 §3.6',
  },
  window: {
    meaning:
      'Room for data at the receiver, before scaling. All subflows share it: it counts from the DATA_ACK, not from the acknowledgement number.',
    source: 'RFC 8684 §3.3.4',
  },
  checksum: { meaning: 'Checksum of header, payload and addresses.', source: header },
  urgentPointer: { meaning: 'Where urgent data ends; means something only with URG.', source: header },
  options: { meaning: 'What the header has no field for; all of Multipath TCP stands here.', source: list },
  kind: { meaning: 'Which option this is.', source: list },
  length: { meaning: 'Bytes of the option, kind and length included.', source: list },
  nop: { meaning: 'A byte of padding between options.', source: list },
  end: { meaning: 'End of the options; what follows is padding.', source: list },
  mss: {
    meaning: 'Largest payload that the sender of this SYN takes in a segment.',
    source: 'RFC 9293 §3.7.1',
  },
  windowScale: {
    meaning: 'Windows of this host count in units of 2 to this power, if both hosts send the option.',
    source: 'RFC 7323 §2.2',
  },
  sackPermitted: { meaning: 'The host understands selective acknowledgements.', source: 'RFC 2018 §2' },
  sack: { meaning: 'Bytes that have come behind a hole.', source: 'RFC 2018 §3' },
  sackLeft: { meaning: 'First byte of the block.', source: 'RFC 2018 §3' },
  sackRight: { meaning: 'Byte behind the block.', source: 'RFC 2018 §3' },
  timestamps: {
    meaning: 'Measures the round-trip time and tells old segments from new ones.',
    source: 'RFC 7323 §3.2',
  },
  tsVal: { meaning: 'Clock of the sender when it sent this.', source: 'RFC 7323 §3.2' },
  tsEcr: { meaning: 'Clock of the receiver as the sender last saw it, sent back.', source: 'RFC 7323 §3.2' },
  fastOpen: {
    meaning: 'With a cookie from an earlier connection, data may go in the SYN; empty it asks for one.',
    source: 'RFC 7413 §4.1.1',
  },
  cookie: {
    meaning: "Proof that the server has seen this client's address before.",
    source: 'RFC 7413 §4.1.1',
  },
  experiment: { meaning: 'Number of the experiment that the option belongs to.', source: 'RFC 6994 §3' },
  unknown: {
    meaning: 'An option that has no form here; whoever does not know one takes no notice of it.',
    source: list,
  },
  malformed: { meaning: 'Its length does not fit its kind: a receiver takes no notice of it.', source: list },
  overrun: { meaning: 'The option says that it is longer than what is left of the header.', source: list },
  payload: { meaning: 'Bytes of the application, or of a protocol that it speaks.', source: header },
} as const satisfies Record<string, Explanation>;

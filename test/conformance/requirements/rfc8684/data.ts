/** RFC 8684 §3.3, §3.3.1 and §3.3.2: how data is numbered, mapped and acknowledged. */
import type { Row } from '../requirement.js';

const data = 'rfc8684/3.3-data/';
const fall = 'rfc8684/3.7-fallback/';
const dss = 'src/wire/dss.test.ts › ';
const hostile = 'src/mptcp/hostile-peer.test.ts › ';
const wrap = 'src/mptcp/sequence-wrap.test.ts › ';

export const mapping: readonly Row[] = [
  [
    'dss-reserved-bits',
    '3.3 1',
    'reserved bits of the DSS are sent as zero and mean nothing coming in',
    [`${dss}writes reserved bits as zero`, `${dss}ignores reserved bits`],
  ],
  [
    'dss-length',
    '3.3',
    'the DSS is as long as its flags say, and no other length is one',
    [`${dss}has no other length than its flags allow`],
  ],
  [
    'unagreed-checksum',
    '3.3 2 4',
    'a mapping with a checksum that was not agreed on closes the subflow with a RST that has reason 1',
    [`${data}unagreed-checksum-resets`],
  ],
  [
    'missing-checksum',
    '3.3 3 4',
    'a mapping without the checksum that was agreed on closes the subflow with a RST that has reason 1',
    [`${data}missing-checksum-resets`],
  ],
  [
    'all-data-is-mapped',
    '3.3.1; 3.3.1 14',
    'all data is mapped into the data sequence, by a mapping on the segments that it covers, counted from the SYN of the subflow',
    [`${data}data-is-mapped`, `${data}subflow-numbers-wrap`],
    'Coming in, a mapping is taken ahead of its data too: that harms nothing, and some senders do it.',
  ],
  [
    'mapping-covers-several-segments',
    '3.3.1',
    'a mapping may be longer than its segment, and may be repeated',
    [`${data}mapping-longer-than-segment`, `${data}mapping-before-its-data`, `${data}repeated-mapping`],
  ],
  [
    'mapping-is-final',
    '3.3.1 1',
    'a mapping is never changed once declared; a peer’s that contradicts an earlier one breaks the subflow',
    [`${data}retransmission-keeps-mapping`, `${data}mapping-is-final`],
  ],
  [
    'first-copy-counts',
    '3.3.1 2 3',
    'of data that comes twice the first copy is delivered, and later ones are ignored',
    [`${data}data-comes-once`, `${data}partly-new-data`, `${data}first-copy-counts`],
  ],
  [
    'urgent-data-is-data',
    '3.3.1 5 6',
    'the urgent pointer is never set, and urgent data of the peer is mapped and delivered like any other',
    [`${data}urgent-data-stays-in-stream`],
  ],
  [
    'unmapped-data-is-acknowledged',
    '3.3.1 7',
    'data without a mapping is acknowledged at the subflow, and not given to the application',
    [`${data}no-mapping-no-data`],
  ],
  [
    'mapping-that-never-comes',
    '3.3.1 8; 3.7 6 7',
    'a subflow whose data gets no mapping is closed with a RST that has reason 6, and the data thrown away',
    [`${hostile}that never come reset the subflow, once too many bytes wait for them`],
    'After 256 KiB (`maxUnmappedBytes`), which may be less than the window.',
  ],
  [
    'numbers-have-64-bits',
    '3.3.1 9',
    'data sequence numbers have 64 bits inside, whatever goes over the wire',
    [
      `${wrap}crosses it with \${bits}-bit numbers, checksums, loss and reordering, on two paths`,
      `${dss}is the Internet checksum over pseudo-header and bytes`,
    ],
  ],
  [
    'both-widths-are-understood',
    '3.3.1 10; 3.3.2 2',
    'numbers and DATA_ACKs of four and of eight bytes are understood, whatever this side sends',
    [
      `${data}four-byte-numbers-are-understood`,
      `${wrap}crosses it when the peers switch width from packet to packet`,
    ],
  ],
  [
    'eight-bytes-at-high-rate',
    '3.3.1 11',
    'numbers of eight bytes are sent where four could wrap while old ones live',
    [`${data}data-is-mapped`],
    'By default all are of eight bytes; who sets `dataSequenceBits: 32` answers for the rate.',
  ],
  [
    'four-bytes-wrap',
    '3.3.1 12',
    'numbers of four bytes go on through zero into the next upper half',
    [`${data}numbers-wrap-at-32-bits`, `${wrap}crosses it when each side numbers with another width`],
  ],
  [
    'wrap-is-checked',
    '3.3.1 13',
    'a number of four bytes is read as the one nearest to what is expected, so that old packets make no wrap',
    [
      `${data}old-packet-makes-no-wrap`,
      `${wrap}crosses it with \${bits}-bit numbers, checksums, loss and reordering, on two paths`,
    ],
  ],
  [
    'checksum-on-every-mapping',
    '3.3.1',
    'once agreed on, every mapping carries a checksum over its bytes and the 64-bit number, a DATA_FIN’s too',
    [
      `${data}checksum-on-every-mapping`,
      `${data}checksum-over-several-segments`,
      `${dss}is the Internet checksum over pseudo-header and bytes`,
    ],
  ],
  [
    'checksum-before-delivery',
    '3.3.1',
    'nothing of a mapping is delivered before its checksum is verified',
    [`${data}checksum-over-several-segments`, `${fall}bad-checksum-with-others`],
  ],
  [
    'subflow-data-in-data-order',
    '3.3',
    'data is delivered in the order of the data sequence, whatever order the subflows bring it in',
    [`${data}subflow-order-is-not-data-order`, `${data}subflow-is-in-order`],
  ],
];

export const acknowledging: readonly Row[] = [
  [
    'ack-width-follows-number',
    '3.3.2 1',
    'data numbered with eight bytes is acknowledged with eight',
    [
      `${data}wide-number-wide-ack`,
      'src/mptcp/connection.test.ts › acknowledges with the width that the peer numbers with',
    ],
  ],
  [
    'data-ack-is-explicit',
    '3.3.2',
    'data is acknowledged at the data level, cumulatively and explicitly',
    [`${data}data-ack-is-explicit`, `${data}subflow-order-is-not-data-order`],
  ],
  [
    'window-needs-data-ack',
    '3.3.2 3',
    'the window field says nothing at the data level on a segment without DATA_ACK',
    [`${data}window-without-data-ack`],
  ],
  [
    'kept-until-acknowledged-twice',
    '3.3.2 4; 3.3.6 2; 4 1',
    'data is kept until a DATA_ACK and every subflow that carried it have acknowledged it; the subflow’s word is not taken for the other',
    [`${data}subflow-ack-is-no-data-ack`, `${data}kept-for-the-subflow`],
  ],
  [
    'data-ack-may-be-absent',
    '3.3.2 5 6',
    'a segment may come without DATA_ACK when there is nothing new to say',
    [`${data}data-ack-may-be-absent`],
    'This side sends one on every segment that has room.',
  ],
  [
    'data-ack-of-the-future',
    '3.3.2',
    'a DATA_ACK of what was never sent is ignored',
    [`${data}data-ack-beyond-what-was-sent`],
  ],
];

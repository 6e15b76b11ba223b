/** RFC 8684 §3.5 to §3.8 and appendix B: closing at once, resets, falling back, errors, Fast Open. */
import type { ExemptionRow, Row } from '../requirement.js';

const start = 'rfc8684/3.1-initiation/';
const join = 'rfc8684/3.2-join/';
const data = 'rfc8684/3.3-data/';
const fast = 'rfc8684/3.5-fastclose/';
const rst = 'rfc8684/3.6-tcprst/';
const fall = 'rfc8684/3.7-fallback/';
const fastClose = 'src/mptcp/fast-close.test.ts › ';
const retry = 'src/mptcp/subflow-retry.test.ts › ';
const fails = 'src/mptcp/checksum-failure.test.ts › ';
const hostile = 'src/mptcp/hostile-peer.test.ts › ';

export const fastClosing: readonly Row[] = [
  [
    'fastclose-ends-all',
    '3.5',
    'MP_FASTCLOSE with the right key, on an ACK or a RST, ends the connection, and every subflow is reset',
    [`${fast}peer-fastcloses`, `${fast}fastclose-in-rst`],
  ],
  [
    'fastclose-of-host',
    '3.5',
    'a host that aborts sends MP_FASTCLOSE with the peer’s key: on a RST of every subflow, or on an ACK of one',
    [
      `${fast}host-aborts`,
      `${fastClose}puts MP_FASTCLOSE on an ACK of one subflow and a plain RST on the others, and ends with the peer’s RST`,
    ],
  ],
  [
    'fastclose-bad-key',
    '3.5',
    'MP_FASTCLOSE with a wrong key is ignored',
    [
      `${fast}bad-key-is-ignored`,
      `${fastClose}with any key but this side’s, the peer’s own included, is ignored in every form`,
    ],
  ],
  [
    'fastclose-is-repeated',
    '3.5 1-3',
    'MP_FASTCLOSE on an ACK is repeated after a retransmission timeout without a RST, three times at the most',
    [
      `${fastClose}is repeated while it is not answered, a loss of it and of the answer included`,
      `${fastClose}is sent four times at the most, and then a RST with MP_FASTCLOSE clears the path`,
    ],
  ],
  [
    'fastclose-last-rst',
    '3.5 4',
    'when no RST answers, one with MP_FASTCLOSE is sent at the end',
    [`${fastClose}is sent four times at the most, and then a RST with MP_FASTCLOSE clears the path`],
  ],
];

export const resetting: readonly Row[] = [
  [
    'retry-heeds-reason',
    '3.6 1',
    'how soon a subflow is tried again depends on the reason of its RST',
    [`${retry}may be opened again after any other transient MP_TCPRST, the sooner the less its reason lasts`],
  ],
  [
    'permanent-is-not-retried',
    '3.6 2',
    'without flag T the subflow is not tried again over this path',
    [`${retry}is not opened again after a permanent MP_TCPRST, whatever its reason (RFC 8684 §3.6)`],
  ],
  [
    'tcprst-reserved-flags',
    '3.6 3 4',
    'flags U, V and W are sent as zero and ignored',
    [`${rst}unknown-reason`, 'src/wire/mptcp-option.test.ts › writes reserved bits as zero'],
  ],
  ['unknown-reason', '3.6', 'a reason that is not known is one like any other', [`${rst}unknown-reason`]],
  [
    'rst-ends-its-subflow',
    '3.6',
    'a RST ends its subflow; the connection goes on over the others',
    [`${rst}reset-of-one-subflow`],
  ],
  [
    'tcprst-needs-rst',
    '3.6',
    'MP_TCPRST means nothing on a segment that is no RST',
    [`${rst}option-alone-is-no-reset`],
  ],
];

export const fallingBack: readonly Row[] = [
  [
    'dss-on-every-segment',
    '3.7 2',
    'every segment of data carries a mapping until a DATA_ACK has come',
    [`${fall}every-segment-has-its-mapping`],
    'And after that too.',
  ],
  [
    'join-acked-without-dss',
    '3.7 3 4',
    'a join whose first data is acknowledged without a DATA_ACK is closed with a RST that has reason 6',
    [`${fall}join-acked-without-dss`],
  ],
  [
    'first-acked-without-dss',
    '3.7 5',
    'on the first subflow that makes the connection plain TCP; the next data says so with an infinite mapping',
    [`${start}first-answer-without-dss`, `${fall}no-dss-at-first-data`],
  ],
  [
    'fail-discards',
    '3.7 8 12',
    'from the data on that failed its checksum nothing that the mappings say is believed',
    [`${fall}bad-checksum-with-others`, `${fall}after-a-bad-checksum`],
  ],
  [
    'failed-data-is-not-acknowledged',
    '3.7 9',
    'failed data gets no DATA_ACK, and comes again over the others',
    [
      `${fall}bad-checksum-with-others`,
      `${fall}bad-checksum-alone`,
      `${fails}resets that one, and its data comes again over the others`,
    ],
  ],
  [
    'bad-checksum-with-others',
    '3.7',
    'a wrong checksum while there are other subflows resets its subflow; the RST carries MP_FAIL',
    [`${fall}bad-checksum-with-others`],
  ],
  [
    'bad-checksum-alone',
    '3.7',
    'a wrong checksum on the only subflow is answered with MP_FAIL and the 64-bit number where the failed mapping began',
    [`${fall}bad-checksum-alone`, `${fails}names in MP_FAIL the start of the mapping that failed`],
  ],
  [
    'fail-is-answered',
    '3.7 10',
    'MP_FAIL is answered with MP_FAIL, and both directions become plain TCP',
    [`${fall}peer-sends-fail`],
  ],
  [
    'fail-without-contiguity',
    '3.7 11',
    'when the data on the only subflow is not contiguous a wrong checksum resets it, with MP_FAIL',
    [`${fall}bad-checksum-with-a-gap`],
  ],
  [
    'subflow-acks-alone-count',
    '3.7 14',
    'after an infinite mapping data is let go of by the subflow’s acknowledgments alone',
    [`${fall}data-ack-means-nothing-after-fallback`],
  ],
  [
    'no-data-ack-after-infinite',
    '3.7 15',
    'after the peer’s infinite mapping no DATA_ACK is sent',
    [`${fall}peer-sends-infinite-mapping`, `${fall}no-options-after-fallback`],
  ],
  [
    'no-way-back',
    '3.7 16',
    'what fell back stays plain TCP: it sends no options, heeds none, and takes no subflows',
    [
      `${fall}no-options-after-fallback`,
      `${join}no-join-after-fallback`,
      `${join}join-after-fallback-is-refused`,
    ],
  ],
  [
    'no-fallback-with-several',
    '3.7',
    'with several subflows there is no falling back: an infinite mapping or data without DSS does not bring it about',
    [`${fall}no-fallback-with-two-subflows`, `${fall}stop-dss-in-mid-stream`],
  ],
];

export const errors: readonly Row[] = [
  ['unknown-subtype', '3.8', 'unknown subtypes are ignored', [`${data}unknown-subtype-is-ignored`]],
  [
    'experimental-option',
    '3.8',
    'MP_EXPERIMENTAL that nobody asked for is ignored',
    [`${data}experimental-is-ignored`],
  ],
  [
    'floods-are-bounded',
    '5',
    'joins, announcements and mappings that come in floods find limits',
    [
      `${hostile}in a flood get the subflows there are and no more, the newest in place of the oldest without a proof`,
      `${hostile}in a flood fill the table and no more`,
      `${hostile}cannot be held without end`,
    ],
  ],
  [
    'syn-data-takes-no-numbers',
    'B.1',
    'data in the SYN takes no data sequence numbers',
    ['rfc8684/B-fast-open/syn-data-takes-no-data-numbers'],
  ],
  [
    'data-ack-of-syn-data',
    'B.2',
    'where the SYN’s data was taken the third ACK bears a DATA_ACK beside the keys, and the first DATA_ACK that comes is answered by one',
    ['rfc8684/B-fast-open/third-ack-acknowledges-data-too', 'rfc8684/B-fast-open/first-data-ack-is-answered'],
  ],
];

export const endingExemptions: readonly ExemptionRow[] = [
  [
    '3.7 13',
    'Of senders that open a new subflow after MP_FAIL on the only one: the connection goes on there, or waits for a subflow with mappings.',
  ],
];

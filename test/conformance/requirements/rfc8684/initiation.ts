/** RFC 8684 §3 and §3.1: what holds for all options, and the handshake that begins a connection. */
import type { ExemptionRow, Row } from '../requirement.js';

const every = 'rfc8684/3-operation/';
const start = 'rfc8684/3.1-initiation/';
const join = 'rfc8684/3.2-join/';
const capable = 'src/mptcp/handshake-capable.test.ts › ';
const keys = 'src/wire/keys.test.ts › ';

export const operation: readonly Row[] = [
  [
    'duplicate-ack-with-signal',
    '3 1; 3.4.1 13; 4 2',
    'an acknowledgment that repeats itself to bring an option of the protocol, a DSS apart, is no sign of congestion',
    [`${every}signals-are-no-duplicates`, `${every}dss-duplicates-count`],
  ],
  [
    'two-signals-in-a-row',
    '3 2; 3.4.1 14; 4 3',
    'no more than two acknowledgments in a row are sent for the sake of options alone',
    [],
    'Options share an ACK where they fit, and nothing more: several announcements at once make as many ACKs, as Linux has it. The peer is one that knows what they are.',
  ],
  [
    'tcp-checks-come-first',
    '3 3; 3.4.1 1; 3.4.2 6',
    'options count only on a segment whose numbers TCP finds acceptable',
    [`${every}options-outside-the-window`, `${every}options-of-the-future`],
  ],
  [
    'initial-numbers-of-subflows',
    '3 4',
    'initial sequence numbers of subflows come from a clock and a keyed hash of the four-tuple (RFC 6528)',
    [
      'src/stack/port-allocator.test.ts › moves on by a tick each 4 us for a four-tuple, with a timestamp offset that stays',
      'src/stack/port-allocator.test.ts › tells nothing about another four-tuple',
    ],
  ],
];

export const initiation: readonly Row[] = [
  [
    'syns-that-cross',
    '3.1',
    'SYNs with MP_CAPABLE that cross make plain TCP: neither host is the server that the handshake needs',
    [
      'src/mptcp/simultaneous-open.test.ts › make one connection, of plain TCP: no side is the server that MP_CAPABLE needs (RFC 8684 §3.1)',
      'src/mptcp/simultaneous-open.test.ts › a SYN with MP_JOIN that crosses that of a connection leads to plain TCP or a clear refusal',
    ],
  ],
  [
    'highest-version-asked',
    '3.1 1',
    'a host that has several versions asks for the highest',
    [`${start}highest-version-first`],
  ],
  [
    'version-of-answer',
    '3.1 2',
    'the answer has the version that was asked for, or the highest below it that the listener has',
    [
      `${start}server-answers-with-its-key`,
      `${start}unknown-version-is-answered-with-own`,
      `${capable}answers a version above ours with ours`,
    ],
  ],
  [
    'no-higher-version-in-answer',
    '3.1',
    'a listener that has higher versions only answers as plain TCP',
    [`${start}lower-version-is-tcp`],
  ],
  [
    'keys-by-packet',
    '3.1 8',
    'the SYN carries no key, the SYN+ACK the answerer’s, the third ACK both, also when there is no data yet',
    [
      `${start}client-syn-has-no-key`,
      `${start}syn-has-no-other-mptcp-option`,
      `${capable}carries no key on the SYN, one on the SYN+ACK, and both after it`,
    ],
  ],
  [
    'keys-are-random',
    '3.1 3',
    'keys are hard to guess: 64 bits of the random source, which on real networks is that of the operating system',
    ['src/mptcp/version.test.ts › is 64 bits of the random source and nothing else'],
  ],
  [
    'keys-are-unique',
    '3.1 4-6',
    'no two connections of a host have one token: a key whose token is in use is drawn anew, by a listener as by an opener',
    [
      'src/stack/token-table.test.ts › a connection of version %i keeps its token to itself, also from one of version %i',
    ],
  ],
  [
    'broken-handshake-ends-protocol',
    '3.1 9',
    'a handshake that does not come as it should makes the connection plain TCP, without any further option',
    [
      `${start}syn-ack-with-both-keys`,
      `${capable}ignores an echo of a key that is not ours, as if there were no option`,
    ],
  ],
  [
    'no-subflow-before-dss',
    '3.1 10',
    'no subflow is opened before a DSS has come from the peer',
    [`${join}no-join-before-confirmation`],
  ],
  [
    'checksum-by-default',
    '3.1 11; 3.3.1 4',
    'flag A is set unless the administrator decided that no checksum is needed',
    [],
    'Off by default, as in Linux, for the cost of touching every byte; `checksum: true` sets it. Whatever the peer asks for is done.',
  ],
  ['flag-b-is-zero', '3.1 12', 'flag B is sent as zero', [`${start}client-syn-has-no-key`]],
  [
    'flag-b-is-not-understood',
    '3.1 13',
    'an MP_CAPABLE with flag B is ignored: the connection is plain TCP',
    [`${start}extensibility-flag-means-tcp`],
  ],
  [
    'flag-c-is-heeded',
    '3.1 14',
    'no subflow is opened to the address and port of a peer that set flag C',
    [
      `${start}no-join-to-initial-address`,
      `${start}full-mesh-heeds-flag-c`,
      'src/mptcp/address-rules.test.ts › bars the initial address under any ID, but not another port of it that is announced',
    ],
  ],
  ['flag-c-is-set', '3.1', 'a host that wants no joins there says so with flag C', [`${start}flag-c-is-set`]],
  [
    'flags-d-to-h',
    '3.1 15 16',
    'flag H is set and flags D to G are not, in an offer and in an answer, whatever the peer offers besides H',
    [`${start}client-syn-has-no-key`, `${start}reserved-flags-are-ignored`],
  ],
  [
    'no-algorithm',
    '3.1 17 25',
    'an offer without an algorithm that the host has is answered as plain TCP',
    [`${start}no-algorithm-means-tcp`, `${start}no-known-algorithm-means-tcp`],
  ],
  [
    'token-and-idsn',
    '3.1 18-21 30',
    'SHA-256 of the key as it stands on the wire gives the token with its first 32 bits and the initial data sequence number with its last 64',
    [
      `${keys}takes the token from the front of the hash and the sequence number from its end`,
      `${keys}gives the known values of the all-zero key`,
      `${start}data-starts-after-idsn`,
    ],
  ],
  [
    'data-starts-after-idsn',
    '3.1',
    'the first byte of the stream follows the initial data sequence number, which stands for the SYN',
    [`${start}data-starts-after-idsn`],
  ],
  [
    'checksum-when-either-asks',
    '3.1 22 23',
    'checksums are used in both directions when either side set flag A, which the opener repeats in its third ACK',
    [
      `${start}checksum-asked-by-peer`,
      `${start}checksum-asked-by-host`,
      `${start}checksum-confirmed-in-third-ack`,
    ],
  ],
  [
    'no-checksum-when-none-asks',
    '3.1',
    'no checksum is sent where neither side asked',
    [`${start}no-checksum-when-none-asks`],
  ],
  [
    'capable-checksum',
    '3.1',
    'the checksum of the mapping in MP_CAPABLE is verified where checksums are agreed on',
    [`${start}first-data-with-bad-checksum`],
  ],
  [
    'answer-without-capable',
    '3.1 26; 3.7 1',
    'an answer without MP_CAPABLE makes the connection plain TCP',
    [`${start}client-falls-back-without-capable`],
  ],
  [
    'syn-without-capable',
    '3.1 27; 3.7 1',
    'a SYN without MP_CAPABLE is answered without it',
    [`${start}syn-without-capable-is-tcp`],
  ],
  [
    'third-ack-without-capable',
    '3.1 28 29',
    'a listener whose peer’s third ACK, or the first data in its stead, has no MP_CAPABLE falls back',
    [`${start}third-ack-without-capable`],
  ],
  [
    'first-data-repeats-keys',
    '3.1',
    'the opener’s first data carries both keys and its own length, a mapping from the start of the stream, until the peer confirms',
    [
      `${start}client-first-data-carries-keys`,
      `${start}lost-first-data-keeps-capable`,
      `${start}server-takes-data-of-first-capable`,
      `${start}third-ack-lost-first-data-carries-keys`,
    ],
  ],
  [
    'third-ack-again',
    '3.1',
    'to a repeated SYN+ACK the third ACK is repeated, with both keys',
    [`${start}syn-ack-again-third-ack-again`],
  ],
  [
    'plain-syn-after-silence',
    '3.9.3 1; 6 1',
    'when SYNs with MP_CAPABLE go unanswered one is tried without',
    [`${start}unanswered-syn-goes-without-capable`],
  ],
];

export const initiationExemptions: readonly ExemptionRow[] = [
  [
    '3.1 7',
    'Of listeners that keep no state and cannot choose their key: ours always can, and draws another one.',
  ],
  ['3.1 24', 'Of hosts that refuse checksums: ours always does them when asked.'],
];

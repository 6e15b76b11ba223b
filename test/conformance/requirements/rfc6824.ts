/** RFC 6824, where it differs from RFC 8684. */
import { documentOf, type ExemptionRow } from './requirement.js';

const start = 'rfc6824/3.1-initiation/';
const fall = 'rfc6824/3.6-fallback/';
const add = 'rfc6824/3.4-addresses/';
const zero = 'src/mptcp/version-zero.test.ts › ';
const mix = 'src/mptcp/version-mix.test.ts › ';
const keys = 'src/wire/keys.test.ts › ';

/** What version 1 has too, and is shown there. */
const shared: readonly ExemptionRow[] = [
  ['3 1; 3.4.1 13; 4 2', ['8684-duplicate-ack-with-signal']],
  ['3 2; 3.4.1 14; 4 3', ['8684-two-signals-in-a-row']],
  ['3 3; 3.4.1 1; 3.4.2 4', ['8684-tcp-checks-come-first']],
  ['3.1 1', ['8684-keys-are-random']],
  ['3.1 6', ['8684-checksum-by-default']],
  ['3.1 7', ['8684-flag-b-is-zero']],
  ['3.1 16 17', ['8684-checksum-when-either-asks']],
  ['3.1 19', ['8684-syn-without-capable']],
  ['3.2 1; 3.4.1 3', ['8684-address-ids-are-kept']],
  ['3.2 2 6', ['8684-join-reserved-bits']],
  ['3.2 5', ['8684-third-ack-is-repeated']],
  ['3.2 8', ['8684-bad-proof-in-syn-ack']],
  ['3.2 9', ['8684-bad-third-ack']],
  ['3.2 10 11; 3.8.3 2', ['8684-syn-ack-without-join']],
  ['3.2 12', ['8684-join-by-token']],
  ['3.3 1', ['8684-dss-reserved-bits']],
  ['3.3.1 1', ['8684-mapping-is-final']],
  ['3.3.1 2', ['8684-first-copy-counts']],
  ['3.3.1 3 4', ['8684-urgent-data-is-data']],
  ['3.3.1 5', ['8684-unmapped-data-is-acknowledged']],
  ['3.3.1 6', ['8684-mapping-that-never-comes']],
  ['3.3.1 7', ['8684-numbers-have-64-bits']],
  ['3.3.1 8', ['8684-eight-bytes-at-high-rate']],
  ['3.3.1 9', ['8684-four-bytes-wrap']],
  ['3.3.1 10', ['8684-wrap-is-checked']],
  ['3.3.2 1', ['8684-ack-width-follows-number']],
  ['3.3.2 2', ['8684-window-needs-data-ack']],
  ['3.3.2 3; 3.3.6 2; 4 1', ['8684-kept-until-acknowledged-twice']],
  ['3.3.2 4 5', ['8684-data-ack-may-be-absent']],
  ['3.3.3 1', ['8684-data-fin-alone']],
  ['3.3.3 2', ['8684-subflows-outlive-data']],
  ['3.3.3 3 4', ['8684-subflows-end-with-fin']],
  ['3.3.4 1', ['8684-right-edge-never-shrinks']],
  ['3.3.4 2', ['8684-mapping-sanity-check']],
  ['3.3.5 1; 4 4', ['8684-largest-window-counts']],
  ['3.3.5 2', ['8684-window-of-each-subflow']],
  ['3.3.5 3', ['8684-send-buffer-size']],
  ['3.3.6 1', ['8684-original-goes-on']],
  ['3.3.8 1 2', ['8684-backup-carries-nothing']],
  ['3.4.1 2', ['8684-one-address-for-an-id']],
  ['3.4.1 4', ['8684-announcements-are-soft']],
  ['3.4.1 5; 3.8.1 1 2', ['8684-port-of-announced-address']],
  ['3.4.1 8-11', ['8684-one-address-for-an-id', '8684-id-is-removed-first', '8684-new-port-is-tried']],
  ['3.4.1 12; 3.8.3 3', ['8684-unsuccessful-address']],
  ['3.4.2 1', ['8684-lost-address-is-withdrawn']],
  ['3.4.2 2 3', ['8684-probe-before-removal']],
  ['3.4.2 5', ['8684-dead-subflow-is-reset']],
  ['3.4.2 6', ['8684-working-subflow-ends-with-fin']],
  ['3.6 5 8', ['8684-fail-discards']],
  ['3.6 7', ['8684-fail-without-contiguity']],
  ['3.6 10', ['8684-subflow-acks-alone-count']],
  ['3.6 12', ['8684-no-way-back']],
  ['3.8.1 3 4', ['8684-same-local-port']],
  ['3.8.3 1; 6 1', ['8684-plain-syn-after-silence']],
];

export const rfc6824 = documentOf('6824', 'Multipath TCP, version 0', {
  scope: 'What version 0 does otherwise than version 1; what they share is shown under RFC 8684.',
  rules: [
    [
      'keys-by-packet',
      '3.1',
      'the opener’s key goes with its SYN, the listener’s with the SYN+ACK, both with the third ACK',
      [`${start}client-key-in-syn`, `${start}server-answers`],
    ],
    [
      'keys-are-unique',
      '3.1 2 3; B.1.1 1',
      'no two connections of a host, of whatever version, have one token',
      [
        'src/stack/token-table.test.ts › a connection of version %i keeps its token to itself, also from one of version %i',
      ],
    ],
    [
      'no-subflow-before-dss',
      '3.1 5',
      'no subflow is opened before a DSS has come from the peer, nor taken before one went each way',
      [
        `${zero}joins only once a DSS went each way, and is never refused (RFC 6824 §3.1)`,
        `${zero}resets a join before any data, without a word on why`,
      ],
    ],
    [
      'flag-b-is-not-understood',
      '3.1 8',
      'a SYN with flag B is not answered at all, for the sender to try another format',
      [],
      'It is answered as plain TCP, which is what RFC 8684 §3.1 made of this rule, and what the opener gets to know at once.',
    ],
    [
      'flags-c-to-h',
      '3.1 9-11',
      'flag H is set and flags C to G are not; an offer without an algorithm is answered as plain TCP',
      [
        `${start}client-key-in-syn`,
        `${start}no-algorithm-means-tcp`,
        `${zero}never sets flag C, which that version does not have, and does not heed it`,
      ],
    ],
    [
      'token-and-idsn',
      '3.1 12-15 22',
      'SHA-1 of the key as it stands on the wire gives the token with its first 32 bits and the initial data sequence number with its last 64',
      [
        `${start}sha-1-token`,
        `${zero}numbers data and names the connection by SHA-1 of the keys`,
        `${keys}takes the token from the front of the hash and the sequence number from its end`,
      ],
    ],
    [
      'answer-without-capable',
      '3.1 18; 3.6 1',
      'an answer without MP_CAPABLE makes the connection plain TCP',
      [`${fall}no-capable-in-answer`],
    ],
    [
      'third-ack-without-capable',
      '3.1 20 21',
      'a third ACK, or first data, without any option makes the connection plain TCP',
      [`${fall}third-ack-without-options`],
      'A DSS in its stead does as well: the keys are known from the SYNs.',
    ],
    [
      'version-of-answer',
      '3.1',
      'a listener answers in the version it was asked in, where it has it',
      [`${start}version-1-answers-version-0`],
    ],
    [
      'join-is-answered',
      '3.2 3 4',
      'a join is answered with the first 64 bits of HMAC-SHA1, and its third ACK acknowledged',
      [
        `${start}sha-1-token`,
        `${keys}agrees with another implementation of HMAC in both versions`,
        `${mix}takes a join with the proof of its own version and no other`,
      ],
    ],
    [
      'join-unknown-token',
      '3.2 7',
      'a join with an unknown token is reset; the RST has no option',
      ['rfc6824/3.2-join/bad-token'],
    ],
    [
      'first-data-has-dss',
      '3.6 2',
      'every segment of data carries a DSS from the first on',
      [`${start}data-has-dss-at-once`],
    ],
    [
      'unagreed-checksum',
      '3.3 2',
      'a checksum that was not agreed on is ignored',
      ['rfc6824/3.3-data/unagreed-checksum-is-ignored'],
    ],
    [
      'missing-checksum',
      '3.3 3',
      'a mapping without the checksum that was agreed on resets the subflow',
      ['rfc6824/3.3-data/missing-checksum'],
    ],
    ['data-fin', '3.3.3', 'the stream ends with a DATA_FIN', ['rfc6824/3.3.3-close/data-fin']],
    [
      'announcement',
      '3.4.1',
      'ADD_ADDR has neither proof nor echo',
      [`${add}add-addr-has-no-hmac`, `${add}announcement-is-taken`],
    ],
    [
      'announcement-on-all-subflows',
      '3.4.1 6',
      'announcements and withdrawals go over all subflows, against loss',
      [],
      'They go over one subflow, and announcements are repeated until a join shows that they arrived.',
    ],
    [
      'one-announcement-a-round-trip',
      '3.4.1 7',
      'announcements whose order matters go out one in a round trip',
      [
        'src/mptcp/address-rules.test.ts › of another address for an ID that was just withdrawn goes out behind the withdrawal',
      ],
      'A withdrawal and the announcement that needs it go in order over one subflow; nothing else depends on order.',
    ],
    [
      'fastclose',
      '3.5',
      'MP_FASTCLOSE with the right key ends the connection, and a RST answers it',
      ['rfc6824/3.5-fastclose/peer-fastcloses'],
    ],
    [
      'fastclose-is-repeated',
      '3.5 1-3',
      'an abort is an ACK with MP_FASTCLOSE, repeated three times at the most',
      [
        'src/mptcp/fast-close.test.ts › asks with an ACK, resets the other subflows, and ends with the peer’s RST, whatever the settings say',
        'src/mptcp/fast-close.test.ts › is repeated while no RST answers, and then a RST clears the path',
      ],
    ],
    [
      'join-acked-without-dss',
      '3.6 3',
      'a join whose first data is acknowledged without any option is closed with a RST',
      [`${fall}join-acked-without-dss`],
    ],
    [
      'first-acked-without-dss',
      '3.6 4',
      'on the first subflow that makes the connection plain TCP',
      [`${fall}first-data-acked-without-dss`],
    ],
    [
      'failed-data-is-not-acknowledged',
      '3.6 6',
      'a wrong checksum on the only subflow gives MP_FAIL and no DATA_ACK beyond it, and the connection falls back',
      ['rfc6824/3.3-data/checksum'],
    ],
    [
      'no-data-ack-after-infinite',
      '3.6 11',
      'after an infinite mapping the stream is plain TCP and DATA_ACKs end',
      [`${fall}infinite-mapping`],
      'One more goes out, up to where mappings were understood: hosts of this version wait for it.',
    ],
  ],
  exemptions: [
    ...shared,
    [
      '3.1 4',
      'Of listeners that keep no state until the third ACK: ours keeps it, or leaves Multipath TCP out.',
    ],
    [
      '3.6 9',
      'Of senders that open a new subflow after MP_FAIL on the only one: the connection goes on there.',
    ],
  ],
});

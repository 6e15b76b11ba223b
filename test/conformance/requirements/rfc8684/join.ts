/** RFC 8684 §3.2: adding a subflow. */
import type { Row } from '../requirement.js';

const join = 'rfc8684/3.2-join/';
const add = 'rfc8684/3.4.1-add-addr/';
const joins = 'src/mptcp/handshake-join.test.ts › ';
const hostile = 'src/mptcp/hostile-peer.test.ts › ';

export const joining: readonly Row[] = [
  [
    'address-ids-are-kept',
    '3.2 1; 3.4.1 3',
    'a host keeps which address each ID stands for, on both sides, whether a join or an announcement told it',
    [
      `${add}announced-address-is-joined`,
      'rfc8684/3.4.2-remove-addr/removed-address-closes-subflow',
      `${add}id-that-is-known-for-another-address`,
    ],
  ],
  [
    'join-syn',
    '3.2',
    'the SYN of a join carries the token of the peer’s key, the ID of its address, and a nonce of its own',
    [`${join}client-joins`, `${join}third-subflow`],
  ],
  [
    'join-reserved-bits',
    '3.2 2 6',
    'reserved bits of MP_JOIN are sent as zero',
    ['src/wire/mptcp-option.test.ts › writes reserved bits as zero'],
  ],
  [
    'join-is-answered',
    '3.2 3',
    'a join with a valid token is answered with a nonce and the first 64 bits of the proof',
    [
      `${join}server-takes-join`,
      `${joins}exchanges token, nonces and proofs, and opens the subflow on both sides`,
    ],
  ],
  [
    'third-ack-is-answered',
    '3.2 4',
    'the third ACK of a join is acknowledged, each time it comes',
    [`${join}server-takes-join`, `${join}repeated-third-ack`],
  ],
  [
    'third-ack-is-repeated',
    '3.2 5',
    'the third ACK of a join, with 160 bits of the proof, is sent again until it is acknowledged',
    [`${join}client-joins`, `${joins}gives up after the last repetition`],
  ],
  [
    'no-data-before-fourth-packet',
    '3.2',
    'the side that joins sends no data on the subflow before that acknowledgment',
    [
      `${join}no-data-before-fourth-ack`,
      `${joins}sends no data before the fourth packet, and repeats the third until that comes`,
    ],
    'Only with `earlyJoinData` is it sent before: off by default, and with service types while nothing else works.',
  ],
  [
    'join-unknown-token',
    '3.2 7',
    'a join with a token that names no connection is answered with a RST',
    [`${join}unknown-token-is-refused`],
  ],
  [
    'join-against-policy',
    '3.2 7',
    'a join that policy or a limit forbids is answered with a RST',
    [
      `${join}refusal-says-why`,
      `${joins}is one beyond the limit, for want of resources, for the time being`,
      `${joins}is one to the initial address after flag C`,
    ],
  ],
  [
    'bad-proof-in-syn-ack',
    '3.2 8',
    'a wrong proof in the SYN+ACK closes the subflow with a RST',
    [`${join}bad-syn-ack-hmac-is-reset`],
  ],
  [
    'join-rst-says-why',
    '3.2 9',
    'the RSTs of a failed join carry MP_TCPRST with reason 1',
    [
      `${join}unknown-token-says-why`,
      `${join}bad-syn-ack-hmac-is-reset`,
      `${join}bad-third-hmac-is-reset`,
      `${join}syn-ack-without-join-is-reset`,
      `${join}third-ack-without-join-is-reset`,
    ],
    'Where a limit was met the reason is the more telling 2 or 3.',
  ],
  [
    'bad-third-ack',
    '3.2 10',
    'a third packet with a wrong proof, or with none, closes the subflow with a RST',
    [`${join}bad-third-hmac-is-reset`, `${join}third-ack-without-join-is-reset`],
  ],
  [
    'syn-ack-without-join',
    '3.2 11 12; 3.9.3 2',
    'a SYN+ACK without MP_JOIN closes the subflow with a RST, and the connection goes on',
    [`${join}syn-ack-without-join-is-reset`],
  ],
  [
    'join-by-token',
    '3.2 13',
    'a join is found by its token, whatever address and port of the host it comes to',
    [`${join}join-to-an-address-of-its-own`, `${join}join-to-another-port`],
  ],
  [
    'nonces-differ',
    '3.2',
    'each subflow has nonces of its own, which no replay fits',
    [`${hostile}with a proof replayed from another nonce are refused`],
  ],
  [
    'id-zero-is-initial',
    '3.2',
    'address ID 0 stands for the address of the first subflow',
    [`${add}announced-address-is-joined`, `${join}client-joins`],
  ],
  [
    'join-backup-flag',
    '3.2',
    'flag B of a join says that the path is for backup',
    [`${join}backup-flag-of-host`, `${join}backup-flag-of-peer`],
  ],
  [
    'join-before-keys',
    '3.2',
    'a join that comes before the peer has shown both keys is refused',
    [`${join}join-before-confirmation-at-listener`],
  ],
  [
    'join-syn-again',
    '3.2',
    'a join that is lost is sent again like any SYN, with the same nonce',
    [`${join}join-syn-is-sent-again`, `${joins}survives the loss of each of its packets`],
  ],
];

/** RFC 8684, section by section. */
import { rows, type RequirementDocument } from './requirement.js';

const start = 'rfc8684/3.1-initiation/';
const join = 'rfc8684/3.2-join/';
const data = 'rfc8684/3.3-data/';
const close = 'rfc8684/3.3.3-close/';
const prio = 'rfc8684/3.3.8-priority/';
const add = 'rfc8684/3.4.1-add-addr/';
const remove = 'rfc8684/3.4.2-remove-addr/';
const fast = 'rfc8684/3.5-fastclose/';
const rst = 'rfc8684/3.6-tcprst/';
const fall = 'rfc8684/3.7-fallback/';
const capable = 'src/mptcp/handshake-capable.test.ts › ';
const joins = 'src/mptcp/handshake-join.test.ts › ';
const hostile = 'src/mptcp/hostile-peer.test.ts › ';
const closing = 'src/mptcp/close.test.ts › ';
const retry = 'src/mptcp/subflow-retry.test.ts › ';

export const rfc8684: RequirementDocument = {
  name: 'RFC 8684',
  title: 'TCP Extensions for Multipath Operation with Multiple Addresses (version 1)',
  requirements: rows([
    // §3.1
    [
      '§3.1',
      'MUST',
      'MP_CAPABLE goes on SYN, SYN+ACK and third ACK of the first subflow, before anything else of the protocol',
      [`${start}client-syn-has-no-key`, `${start}server-answers-with-its-key`],
    ],
    [
      '§3.1',
      'MUST',
      'the SYN carries no key, the SYN+ACK the answerer’s, the third ACK both',
      [
        `${start}client-syn-has-no-key`,
        `${start}syn-has-no-other-mptcp-option`,
        `${capable}carries no key on the SYN, one on the SYN+ACK, and both after it`,
      ],
    ],
    [
      '§3.1',
      'MUST',
      'a SYN without MP_CAPABLE is answered without it',
      [`${start}syn-without-capable-is-tcp`],
    ],
    [
      '§3.1',
      'MUST',
      'an answer without MP_CAPABLE ends the use of the protocol for this connection',
      [`${start}client-falls-back-without-capable`],
    ],
    [
      '§3.1',
      'MUST',
      'the opener repeats MP_CAPABLE with both keys on its first data until the peer has confirmed',
      [`${start}client-first-data-carries-keys`, `${start}lost-first-data-keeps-capable`],
    ],
    [
      '§3.1',
      'MUST',
      'the third ACK is repeated when the SYN+ACK comes again',
      [`${start}syn-ack-again-third-ack-again`],
    ],
    [
      '§3.1',
      'MUST',
      'MP_CAPABLE with data carries the length of that data, which is a mapping from the start of the stream',
      [`${start}client-first-data-carries-keys`, `${start}server-takes-data-of-first-capable`],
    ],
    [
      '§3.1',
      'MUST',
      'the listener learns the keys from the first data when the third ACK was lost',
      [`${start}third-ack-lost-first-data-carries-keys`],
    ],
    [
      '§3.1',
      'MUST',
      'a listener that never sees the keys echoed falls back',
      [
        `${start}third-ack-without-capable`,
        `${capable}ignores an echo of a key that is not ours, as if there were no option`,
      ],
    ],
    [
      '§3.1',
      'MUST',
      'a listener answers with a version it has, the highest that it has where it does not know the one asked for',
      [`${start}unknown-version-is-answered-with-own`, `${capable}answers a version above ours with ours`],
    ],
    [
      '§3.1',
      'MUST',
      'checksums are used in both directions when either side asks for them with flag A',
      [
        `${start}checksum-asked-by-peer`,
        `${start}checksum-asked-by-host`,
        `${start}checksum-confirmed-in-third-ack`,
      ],
    ],
    ['§3.1', 'MUST NOT', 'no checksum where neither side asked', [`${start}no-checksum-when-none-asks`]],
    ['§3.1', 'MUST', 'an MP_CAPABLE with flag B set is ignored', [`${start}extensibility-flag-means-tcp`]],
    ['§3.1', 'MUST', 'flag B is sent as zero', [`${start}client-syn-has-no-key`]],
    [
      '§3.1',
      'MUST NOT',
      'no subflow is opened to the address and port of a peer that set flag C',
      [`${start}no-join-to-initial-address`, `${start}full-mesh-heeds-flag-c`],
    ],
    ['§3.1', 'MUST', 'a host that wants no joins there sets flag C', [`${start}flag-c-is-set`]],
    [
      '§3.1',
      'MUST',
      'flags D to G are sent as zero, and mean nothing coming in',
      [`${start}reserved-flags-are-ignored`],
    ],
    [
      '§3.1',
      'MUST',
      'an offer without an algorithm that the host has is answered as plain TCP',
      [`${start}no-known-algorithm-means-tcp`],
    ],
    [
      '§3.1',
      'MUST',
      'an implementation has HMAC-SHA256 (flag H)',
      [
        `${start}server-answers-with-its-key`,
        'src/wire/keys.test.ts › agrees with another implementation of HMAC in both versions',
      ],
    ],
    [
      '§3.1',
      'MUST',
      'the token is the first 32 bits of the key’s SHA-256, the initial data sequence number the last 64',
      [
        `${start}data-starts-after-idsn`,
        'src/wire/keys.test.ts › takes the token from the front of the hash and the sequence number from its end',
      ],
    ],
    [
      '§3.1',
      'MUST',
      'a key is drawn anew when its token is in use on this host',
      [],
      'The host draws again (`Host.uniqueKey`); two keys with one token cannot be had from a test without breaking SHA-256 or the random source.',
    ],
    [
      '§3.1',
      'MUST',
      'keys are hard to guess: random bits of good quality',
      [],
      'The random source is the owner’s; on real networks `node/` passes one of the operating system.',
    ],
    [
      '§3.1',
      'MUST NOT',
      'no subflow is added before a DSS has come from the peer',
      [`${join}no-join-before-confirmation`],
    ],
    [
      '§3.1',
      'MUST',
      'the first byte of the stream follows the initial data sequence number, which stands for the SYN',
      [`${start}data-starts-after-idsn`],
    ],
    [
      '§3.1',
      'SHOULD',
      'a SYN with MP_CAPABLE that goes unanswered a few times is tried without it',
      [`${start}unanswered-syn-goes-without-capable`],
    ],
    [
      '§3.1',
      'MUST',
      'the checksum of the mapping in MP_CAPABLE is verified where checksums are agreed on',
      [`${start}first-data-with-bad-checksum`],
    ],
    // §3.2
    [
      '§3.2',
      'MUST',
      'a join carries the token of the peer’s key, an address ID and a nonce',
      [`${join}client-joins`],
    ],
    [
      '§3.2',
      'MUST',
      'each side proves that it has both keys; the SYN+ACK carries 64 bits of the proof, the third ACK 160',
      [
        `${join}server-takes-join`,
        `${join}client-joins`,
        `${joins}exchanges token, nonces and proofs, and opens the subflow on both sides`,
      ],
    ],
    [
      '§3.2',
      'MUST',
      'a join with a token that names no connection is answered with a RST',
      [`${join}unknown-token-is-refused`],
    ],
    [
      '§3.2',
      'MUST',
      'a wrong proof in the SYN+ACK closes the subflow with a RST',
      [`${join}bad-syn-ack-hmac-is-reset`],
    ],
    [
      '§3.2',
      'MUST',
      'a wrong proof in the third ACK closes the subflow with a RST',
      [`${join}bad-third-hmac-is-reset`],
    ],
    [
      '§3.2',
      'SHOULD',
      'such a RST carries MP_TCPRST with reason 1',
      [
        `${joins}is one whose SYN+ACK has a wrong proof, and the RST says so`,
        `${join}unknown-token-says-why`,
      ],
    ],
    [
      '§3.2',
      'MUST',
      'a SYN+ACK without MP_JOIN closes the subflow with a RST',
      [`${join}syn-ack-without-join-is-reset`],
    ],
    [
      '§3.2',
      'MUST',
      'a third packet without MP_JOIN closes the subflow with a RST',
      [`${join}third-ack-without-join-is-reset`],
    ],
    [
      '§3.2',
      'MUST',
      'the third ACK is sent again until the peer acknowledges it',
      [`${join}client-joins`, `${joins}gives up after the last repetition`],
    ],
    [
      '§3.2',
      'MUST NOT',
      'the opener of a subflow sends no data before that acknowledgment',
      [
        `${join}no-data-before-fourth-ack`,
        `${joins}sends no data before the fourth packet, and repeats the third until that comes`,
      ],
    ],
    [
      '§3.2',
      'MUST',
      'the answerer acknowledges the third ACK, each time it comes',
      [`${join}server-takes-join`, `${join}repeated-third-ack`],
    ],
    [
      '§3.2',
      'SHOULD',
      'each subflow has nonces of its own, which a replay does not fit',
      [`${join}third-subflow`, `${hostile}with a proof replayed from another nonce are refused`],
    ],
    [
      '§3.2',
      'MUST',
      'address ID 0 stands for the address of the first subflow',
      [`${add}announced-address-is-joined`],
    ],
    [
      '§3.2',
      'MUST',
      'a join is found by its token, whatever address of the host it comes to',
      [`${join}join-to-an-address-of-its-own`],
    ],
    [
      '§3.2',
      'MUST',
      'flag B says that the path is for backup',
      [`${join}backup-flag-of-host`, `${join}backup-flag-of-peer`],
    ],
    [
      '§3.2',
      'MUST NOT',
      'no join is taken before both keys are known to both',
      [`${join}join-before-confirmation-at-listener`],
    ],
    [
      '§3.2',
      'SHOULD',
      'a join that is lost is sent again like any SYN',
      [`${join}join-syn-is-sent-again`, `${joins}survives the loss of each of its packets`],
    ],
    [
      '§3.2',
      'SHOULD',
      'a refusal for want of room says so with MP_TCPRST',
      [
        `${join}refusal-says-why`,
        `${joins}is one beyond the limit, for want of resources, for the time being`,
      ],
    ],
    // §3.3
    [
      '§3.3',
      'MUST',
      'the DSS carries what its flags say, and reserved flags are ignored',
      [
        'src/wire/dss.test.ts › has no other length than its flags allow',
        'src/wire/dss.test.ts › ignores reserved bits',
      ],
    ],
    [
      '§3.3.1',
      'MUST',
      'all data of a Multipath TCP connection is mapped into the data sequence',
      [`${data}data-is-mapped`],
    ],
    [
      '§3.3.1',
      'MUST',
      'the subflow number of a mapping counts from the subflow’s initial sequence number',
      [`${data}data-is-mapped`, `${data}subflow-numbers-wrap`],
    ],
    [
      '§3.3.1',
      'MUST',
      'a mapping may be longer than its segment, come before its data, and be repeated',
      [`${data}mapping-longer-than-segment`, `${data}mapping-before-its-data`, `${data}repeated-mapping`],
    ],
    [
      '§3.3.1',
      'MUST NOT',
      'a mapping is never changed; one that contradicts another breaks the subflow',
      [`${data}mapping-is-final`, `${data}retransmission-keeps-mapping`],
    ],
    ['§3.3.1', 'MUST NOT', 'data without a mapping is not delivered', [`${data}no-mapping-no-data`]],
    [
      '§3.3.1',
      'SHOULD',
      'a subflow whose data never gets a mapping is closed with a RST',
      [`${hostile}that never come reset the subflow, once too many bytes wait for them`],
    ],
    [
      '§3.3.1',
      'MUST',
      'data is delivered in the order of the data sequence, each byte once',
      [`${data}subflow-order-is-not-data-order`, `${data}data-comes-once`, `${data}partly-new-data`],
    ],
    [
      '§3.3.1',
      'MUST',
      'numbers of four and of eight bytes are both understood',
      [`${data}four-byte-numbers-are-understood`, `${data}numbers-wrap-at-32-bits`],
    ],
    [
      '§3.3.1',
      'MUST',
      'data numbered with eight bytes is acknowledged with eight',
      ['src/mptcp/connection.test.ts › acknowledges with the width that the peer numbers with'],
    ],
    [
      '§3.3.1',
      'MUST',
      'numbers of eight bytes are used where four could wrap while old ones live',
      [`${data}data-is-mapped`],
      'By default all are of eight bytes; with `dataSequenceBits: 32` the owner answers for the rate.',
    ],
    [
      '§3.3.1',
      'MUST',
      'once agreed on, every mapping carries a checksum over its bytes and the 64-bit number',
      [
        `${data}checksum-on-every-mapping`,
        `${data}checksum-over-several-segments`,
        'src/wire/dss.test.ts › is the Internet checksum over pseudo-header and bytes',
      ],
    ],
    [
      '§3.3.1',
      'MUST',
      'a mapping without the checksum that was agreed on closes the subflow with a RST',
      [`${data}missing-checksum-resets`],
    ],
    [
      '§3.3.1',
      'MUST',
      'a checksum that was not agreed on is ignored',
      [`${data}unagreed-checksum-is-ignored`],
    ],
    [
      '§3.3.1',
      'MUST NOT',
      'nothing of a mapping is delivered before its checksum is verified',
      [`${data}checksum-over-several-segments`, `${fall}bad-checksum-with-others`],
    ],
    [
      '§3.3.2',
      'MUST',
      'data is acknowledged at the data level, cumulatively and explicitly',
      [`${data}data-ack-is-explicit`, `${data}subflow-order-is-not-data-order`],
    ],
    [
      '§3.3.2',
      'MUST NOT',
      'data is not let go of before its DATA_ACK',
      [`${data}subflow-ack-is-no-data-ack`],
    ],
    [
      '§3.3.2',
      'MUST',
      'a DATA_ACK of what was never sent is ignored',
      [`${data}data-ack-beyond-what-was-sent`],
    ],
    [
      '§3.3.3',
      'MUST',
      'a DATA_FIN takes one number after the last byte',
      [`${close}data-fin-with-data`, `${close}last-data-and-data-fin`, `${close}data-fin-added-to-mapping`],
    ],
    [
      '§3.3.3',
      'MUST',
      'a DATA_FIN is acknowledged once all data before it has come, and only then',
      [`${close}data-fin-is-answered`, `${close}data-fin-waits-for-data`],
    ],
    [
      '§3.3.3',
      'MUST',
      'a DATA_FIN without data has subflow number 0 and length 1',
      [`${close}host-sends-data-fin`],
    ],
    [
      '§3.3.3',
      'MUST',
      'a DATA_FIN is sent again until it is acknowledged',
      [`${close}data-fin-is-sent-again`],
    ],
    ['§3.3.3', 'MUST', 'a DATA_FIN counts on whatever subflow it comes', [`${close}data-fin-on-any-subflow`]],
    [
      '§3.3.3',
      'MUST',
      'a FIN ends its subflow and nothing else',
      [`${close}subflow-fin-is-not-the-end`, `${close}closing-one-subflow`],
    ],
    [
      '§3.3.3',
      'SHOULD',
      'the subflows are closed with FIN after the DATA_FINs were acknowledged',
      [`${close}whole-close`, `${close}peer-closes-first`],
    ],
    [
      '§3.3.3',
      'SHOULD',
      'each direction ends for itself',
      [`${close}peer-closes-first`, `${closing}lets the other direction go on after one has ended`],
    ],
    [
      '§3.3.3',
      'SHOULD',
      'a connection without subflows waits a while for a new one',
      [
        `${close}connection-outlives-its-subflows`,
        'src/mptcp/handover.test.ts › fails with a clear error when the grace time is over',
      ],
    ],
    [
      '§3.3.3',
      'MUST NOT',
      'no data goes out on a subflow that the peer has ended while another is there',
      [`${close}no-data-after-subflow-fin`],
    ],
    [
      '§3.3.4',
      'MUST',
      'the receive window is one for all subflows and counts from the DATA_ACK',
      [`${data}window-is-of-the-data-level`, `${data}window-moves-with-data-ack`],
    ],
    [
      '§3.3.4',
      'MUST',
      'the receiver takes what fits its window on every subflow, in whatever order',
      [
        `${data}subflow-order-is-not-data-order`,
        'src/mptcp/window.test.ts › never makes the peer send what is then dropped',
      ],
    ],
    [
      '§3.3.5',
      'MUST',
      'the sender remembers the right edge that lies farthest',
      [`${data}window-edge-never-goes-back`],
    ],
    [
      '§3.3.5',
      'MUST NOT',
      'data beyond the window is not taken',
      [`${data}data-outside-the-window`, `${hostile}into the past or far beyond the window bring nothing`],
    ],
    [
      '§3.3.6',
      'MUST',
      'what is sent again on a subflow keeps the mapping it had',
      [`${data}retransmission-keeps-mapping`],
    ],
    [
      '§3.3.6',
      'MUST',
      'a subflow goes on with its own data though it was also sent over another',
      [`${data}lost-data-also-on-other-subflow`],
    ],
    [
      '§3.3.6',
      'SHOULD',
      'data that a subflow does not deliver goes over another one',
      [`${data}lost-data-also-on-other-subflow`, `${data}subflow-ack-is-no-data-ack`],
    ],
    [
      '§3.3.7',
      'MUST',
      'each subflow has a congestion window of its own',
      ['src/mptcp/window.test.ts › does not let a slow path stall a fast one for long'],
    ],
    [
      '§3.3.7',
      'SHOULD',
      'subflows share a bottleneck fairly with plain TCP: coupled congestion control',
      [],
      'Subflows run CUBIC or NewReno, each for itself; coupled congestion control is a later part of the project.',
    ],
    [
      '§3.3.8',
      'MUST',
      'a backup carries no data while a regular subflow can',
      [`${join}backup-flag-of-peer`, `${prio}peer-asks-for-backup`],
    ],
    [
      '§3.3.8',
      'SHOULD',
      'backups carry the data when no regular subflow is left',
      [
        `${prio}backup-takes-over`,
        'src/mptcp/handover.test.ts › carries nothing while a regular subflow is usable, and everything when none is',
      ],
    ],
    [
      '§3.3.8',
      'MUST',
      'MP_PRIO changes the priority of the subflow that carries it',
      [`${prio}host-asks-for-backup`, `${prio}host-asks-for-regular`, `${prio}address-id-form-is-ignored`],
    ],
    // §3.4
    [
      '§3.4.1',
      'MUST',
      'an announcement carries a proof over ID, address and port',
      [`${add}announcement`, `${add}announcement-with-port`, `${add}announcement-of-ipv6`],
    ],
    [
      '§3.4.1',
      'MUST',
      'an announcement with a wrong proof, or none, is ignored in silence',
      [`${add}bad-hmac-is-ignored`, `${add}no-hmac-is-ignored`],
    ],
    [
      '§3.4.1',
      'MUST',
      'an announcement is echoed with flag E, without proof, port included',
      [`${add}echo`, `${add}echo-with-port`],
    ],
    [
      '§3.4.1',
      'SHOULD',
      'an announcement without an echo is sent again, a bounded number of times',
      [`${add}announcement-is-repeated`, `${add}echo-ends-repetition`],
    ],
    [
      '§3.4.1',
      'SHOULD',
      'a subflow to an announced address goes to the announced port, else to that of the connection',
      [`${add}announced-port-is-joined`, `${add}announced-address-is-joined`],
    ],
    [
      '§3.4.1',
      'MUST',
      'an ID stands for one address; an announcement that says otherwise is ignored',
      [`${add}id-that-is-known-for-another-address`],
    ],
    [
      '§3.4.1',
      'SHOULD NOT',
      'an announced address that refused is not tried again before it is announced again',
      [
        'src/mptcp/pairs.test.ts › tries an announced address once that resets the attempt, until it is announced again (RFC 8684 §3.4.1)',
      ],
    ],
    [
      '§3.4.1',
      'SHOULD',
      'announcements that fill every table are bounded',
      [`${hostile}in a flood fill the table and no more`],
    ],
    [
      '§3.4.2',
      'MUST',
      'a withdrawn address ends the subflows that use its ID',
      [`${remove}removed-address-closes-subflow`, `${remove}several-addresses`],
    ],
    ['§3.4.2', 'MUST', 'an unknown ID is ignored', [`${remove}unknown-id-is-ignored`]],
    [
      '§3.4.2',
      'SHOULD',
      'a host tells its peer of an address that it lost',
      [`${remove}withdrawal`, `${remove}lost-interface`],
    ],
    [
      '§3.4.2',
      'SHOULD',
      'before a subflow is closed for a withdrawn address a keep-alive asks whether the path still works',
      [`${remove}removed-address-closes-subflow`, `${remove}answered-probe-keeps-subflow`],
    ],
    // §3.5
    [
      '§3.5',
      'MUST',
      'MP_FASTCLOSE carries the key of its receiver, and ends the connection on every subflow',
      [`${fast}peer-fastcloses`, `${fast}fastclose-in-rst`],
    ],
    [
      '§3.5',
      'MUST',
      'MP_FASTCLOSE with a wrong key is ignored',
      [`${fast}bad-key-is-ignored`, `${hostile}with a guessed key is ignored`],
    ],
    [
      '§3.5',
      'MUST',
      'MP_FASTCLOSE on an ACK is answered with RSTs',
      [`${fast}peer-fastcloses`, `${hostile}on an ACK is answered with a RST, and the connection is over`],
    ],
    [
      '§3.5',
      'MUST',
      'a host that aborts says so with MP_FASTCLOSE',
      [`${fast}host-aborts`, `${closing}by abort() is a reset at the other side`],
    ],
    // §3.6
    [
      '§3.6',
      'SHOULD',
      'a RST of the protocol’s own says why with MP_TCPRST',
      [`${join}unknown-token-says-why`, `${join}refusal-says-why`, `${data}mapping-is-final`],
    ],
    [
      '§3.6',
      'MUST',
      'flags U, V and W are sent as zero and ignored',
      [
        `${rst}unknown-reason`,
        'src/wire/mptcp-option.test.ts › reads every flag of MP_TCPRST and its reason',
      ],
    ],
    ['§3.6', 'SHOULD', 'a reason that is not known is taken as unspecified', [`${rst}unknown-reason`]],
    [
      '§3.6',
      'MUST',
      'a RST ends its subflow; the connection goes on over the others',
      [`${rst}reset-of-one-subflow`],
    ],
    [
      '§3.6',
      'SHOULD',
      'without flag T the subflow is not tried again',
      [`${retry}is not opened again after a permanent MP_TCPRST, whatever its reason (RFC 8684 §3.6)`],
    ],
    [
      '§3.6',
      'MUST NOT',
      'MP_TCPRST means nothing on a segment that is no RST',
      [`${rst}option-alone-is-no-reset`],
    ],
    // §3.7
    [
      '§3.7',
      'MUST',
      'a listener without MP_CAPABLE or DSS on the third ACK or the first data falls back',
      [`${start}third-ack-without-capable`],
    ],
    [
      '§3.7',
      'MUST',
      'an opener that gets data or an acknowledgment of its data without DSS falls back',
      [`${start}first-answer-without-dss`, `${fall}no-dss-at-first-data`],
    ],
    [
      '§3.7',
      'MUST NOT',
      'after falling back no option of the protocol is sent',
      [`${fall}no-options-after-fallback`, `${start}client-falls-back-without-capable`],
    ],
    ['§3.7', 'MUST NOT', 'a connection that fell back takes no subflows', [`${join}no-join-after-fallback`]],
    [
      '§3.7',
      'MUST',
      'a wrong checksum while there are other subflows resets its subflow with MP_FAIL',
      [`${fall}bad-checksum-with-others`],
    ],
    [
      '§3.7',
      'MUST',
      'a wrong checksum on the only subflow is answered with MP_FAIL; the connection goes on without mappings',
      [
        `${fall}bad-checksum-alone`,
        'src/mptcp/checksum-failure.test.ts › names in MP_FAIL the start of the mapping that failed',
      ],
    ],
    [
      '§3.7',
      'MUST',
      'MP_FAIL carries the 64-bit number of the start of the data that failed',
      [`${fall}bad-checksum-alone`],
    ],
    [
      '§3.7',
      'MUST',
      'after MP_FAIL the sender goes on under an infinite mapping from what was acknowledged',
      [`${fall}peer-sends-fail`],
    ],
    [
      '§3.7',
      'MUST',
      'an infinite mapping ends the mappings of that direction',
      [`${fall}peer-sends-infinite-mapping`],
    ],
    [
      '§3.7',
      'MUST NOT',
      'an infinite mapping while there are several subflows is no fall-back',
      [`${fall}no-fallback-with-two-subflows`],
    ],
    [
      '§3.7',
      'MUST',
      'data without DSS in the middle of a stream with several subflows does not make it fall back',
      [`${fall}stop-dss-in-mid-stream`],
    ],
    [
      '§3.7',
      'MUST',
      'data that something on the path sent again without options is no reason to fall back while others work',
      [
        'src/mptcp/checksum-failure.test.ts › falls back when every DSS is stripped from then on and nothing else carries the data',
      ],
    ],
    // §3.8, §3.9
    ['§3.8', 'MUST', 'unknown subtypes are ignored', [`${data}unknown-subtype-is-ignored`]],
    ['§3.8', 'MUST', 'MP_EXPERIMENTAL that nobody asked for is ignored', [`${data}experimental-is-ignored`]],
    [
      '§3.8',
      'SHOULD',
      'nonsense in an option harms nothing but its subflow',
      ['src/mptcp/hostile-random.test.ts › breaks nothing and makes nothing grow'],
    ],
    [
      '§3.9.1',
      'SHOULD',
      'subflows go to the port of the first one unless another was announced',
      [`${join}client-joins`, `${add}announced-port-is-joined`],
    ],
    [
      '§3.9.2',
      'SHOULD',
      'subflows are not opened before they can be of use',
      [],
      'The path manager opens them at once; delaying them is a matter of policy that the owner can write.',
    ],
    [
      '§3.9.3',
      'SHOULD',
      'a path where joins fail is tried again, less and less often',
      [
        'src/mptcp/pairs.test.ts › tries a path again, less and less often, whose MP_TCPRST called the trouble transient (RFC 8684 §3.6)',
        'src/mptcp/addresses.test.ts › rests, longer each time, and is tried again',
      ],
    ],
    [
      '§5',
      'SHOULD',
      'joins that fill every subflow are bounded',
      [
        `${hostile}in a flood get the subflows there are and no more, the newest in place of the oldest without a proof`,
      ],
    ],
    [
      '§B.1',
      'MUST',
      'data in the SYN takes no data sequence numbers',
      ['rfc8684/B-fast-open/syn-data-takes-no-data-numbers'],
    ],
  ]),
};

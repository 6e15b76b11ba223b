/** RFC 9293, the rules of its appendix B that concern what goes over the wire or the timers. */
import { rows, type RequirementDocument } from './requirement.js';

const open = 'rfc9293/3.5-connection/';
const close = 'rfc9293/3.6-close/';
const zero = 'rfc9293/3.8.6.1-zero-window/';
const accept = 'rfc9293/3.10-acceptability/';
const nagle = 'rfc9293/3.7.4-nagle/';
const delayed = 'rfc9293/3.8.6.3-delayed-ack/';
const keep = 'rfc9293/3.8.4-keep-alive/';
const icmp = 'rfc9293/3.9.2-icmp/';
const mtu = 'rfc1191/3-path-mtu/';
const tcp = 'src/tcp/connection.test.ts › ';
const windows = 'src/tcp/window.test.ts › ';
const closing = 'src/tcp/closing.test.ts › ';
const keepAlive = 'src/tcp/keep-alive.test.ts › ';
const paths = 'src/stack/paths.test.ts › ';

export const rfc9293: RequirementDocument = {
  name: 'RFC 9293',
  title: 'Transmission Control Protocol',
  scope:
    'The rules of its appendix B. Urgent data, IP options, type of service and the calls of the interface are left out.',
  requirements: rows([
    [
      '§3.1',
      'MUST',
      'the checksum is sent, and verified: a wrong one drops the segment',
      [`${open}bad-checksum`],
    ],
    ['§3.1', 'MUST', 'unknown options are stepped over by their length', [`${open}unknown-option`]],
    [
      '§3.1',
      'MUST',
      'options of nonsensical length harm nothing',
      ['src/wire/robustness.test.ts › takes any bytes, and nothing around them'],
    ],
    ['§3.4', 'MUST', 'sequence numbers compare modulo 2^32', [`${accept}numbers-wrap`]],
    [
      '§3.4.1',
      'MUST',
      'initial sequence numbers follow a clock and a secret of the four-tuple',
      [],
      'Drawn in `stack/initial-sequence.ts` by SipHash (RFC 6528); no single packet shows it.',
    ],
    ['§3.5', 'MUST', 'the three-way handshake, from either side', [`${open}handshake`, `${open}active-open`]],
    [
      '§3.5',
      'MUST',
      'simultaneous open',
      [`${open}simultaneous-open`, `${tcp}opens simultaneously (RFC 9293 figure 8)`],
    ],
    [
      '§3.5',
      'MUST',
      'old duplicate SYNs make no connection',
      [`${open}old-duplicate-syn-in-syn-received`, `${open}half-open`],
    ],
    [
      '§3.5.1',
      'MUST',
      'a half-open connection is found out and reset',
      [
        `${open}half-open`,
        `${tcp}resets a half-open peer that acknowledges what was never sent (RFC 9293 figure 10)`,
      ],
    ],
    [
      '§3.5.2',
      'MUST',
      'segments to no connection are answered with a RST, RSTs are not',
      [`${open}closed-port`, `${open}closed-port-ack`, `${open}closed-port-rst`],
    ],
    [
      '§3.5.3',
      'MUST',
      'a RST is believed only at the right place',
      [
        `${open}rst-without-ack-is-ignored-in-syn-sent`,
        `${open}refused`,
        'rfc5961/3-blind-rst/rst-in-window-is-challenged',
      ],
    ],
    [
      '§3.6',
      'MUST',
      'each direction ends by itself: half-close',
      [`${close}half-close`, `${close}peer-closes`],
    ],
    [
      '§3.6',
      'MUST',
      'close in order, from either side and from both at once',
      [`${close}host-closes`, `${close}peer-closes`, `${close}simultaneous-close`],
    ],
    [
      '§3.6',
      'MUST',
      'a FIN takes effect after all data before it',
      [`${close}fin-with-data`, `${close}fin-out-of-order`],
    ],
    [
      '§3.6.1',
      'MUST',
      'the side that closes first stays in TIME-WAIT, and answers the peer’s FIN there',
      [
        `${close}time-wait-answers`,
        `${closing}lasts twice the life of a segment, and again that long when the FIN comes again`,
      ],
    ],
    [
      '§3.6.1',
      'SHOULD',
      'data for an application that has closed is answered with a RST',
      [`${close}data-after-close-is-reset`],
    ],
    ['§3.6.1', 'MUST', 'an application can abort, with a RST', [`${close}abort`]],
    ['§3.7.1', 'MUST', 'the MSS option is sent and heeded', [`${open}mss-of-peer`]],
    [
      '§3.7.1',
      'MUST',
      'without it 536 bytes over IPv4 and 1220 over IPv6 are taken',
      [`${open}mss-default`, `${open}mss-default-ipv6`],
    ],
    ['§3.7.1', 'SHOULD', 'the MSS is announced on every SYN', [`${open}active-open`, `${open}handshake`]],
    [
      '§3.7.2',
      'SHOULD',
      'path MTU discovery',
      [`${mtu}too-big-makes-smaller-segments`, `${mtu}ipv6-too-big`],
    ],
    [
      '§3.7.4',
      'SHOULD',
      'Nagle’s rule',
      [`${nagle}small-segments-wait`, `${nagle}full-segments-do-not-wait`],
    ],
    ['§3.7.4', 'MUST', 'an application can switch it off', [`${nagle}can-be-switched-off`]],
    [
      '§3.8.1',
      'MUST',
      'the retransmission timeout follows RFC 6298, with back-off',
      [`${open}syn-is-sent-again`, 'rfc6298/5-timer/back-off'],
    ],
    [
      '§3.8.1',
      'MUST',
      'SYN, SYN+ACK, data and FIN are sent again',
      [
        `${open}syn-ack-is-sent-again`,
        'rfc9293/3.8.1-retransmission/data-is-sent-again',
        `${close}fin-is-sent-again`,
      ],
    ],
    [
      '§3.8.2',
      'MUST',
      'slow start, congestion avoidance, fast retransmit',
      [
        'rfc5681/3.1-slow-start/growth',
        'rfc5681/3.2-fast-retransmit/three-duplicates',
        'src/tcp/congestion/loss-based.test.ts › adds one segment a round trip (RFC 5681 §3.1)',
      ],
    ],
    [
      '§3.8.3',
      'MUST',
      'a connection that gets no answer fails after a while, which the owner may set',
      ['rfc9293/3.8.3-failures/gives-up', 'rfc9293/3.8.3-failures/syn-gives-up'],
    ],
    [
      '§3.8.3',
      'SHOULD',
      'R1 and R2: the network layer is told before the connection is given up',
      ['src/tcp/recovery.test.ts › backs off, says so each time, and gives up'],
    ],
    [
      '§3.8.4',
      'MUST',
      'keep-alive is off unless asked for',
      [`${keep}off-by-default`, `${keepAlive}is off unless asked for`],
    ],
    [
      '§3.8.4',
      'MUST NOT',
      'one probe without an answer does not end a connection',
      [`${keep}one-lost-probe-is-nothing`],
    ],
    ['§3.8.4', 'SHOULD', 'a probe carries no data', [`${keep}probe`]],
    [
      '§3.8.4',
      'MUST',
      'a probe of the peer is answered, with data or without',
      [`${keep}answers-probe`, `${keep}answers-probe-with-garbage`],
    ],
    ['§3.8.6', 'MUST NOT', 'nothing is sent beyond the window', ['rfc9293/3.8.6-window/respects-window']],
    [
      '§3.8.6',
      'SHOULD NOT',
      'a receiver does not take its window back',
      [`${windows}never moves the edge back by rounding`],
    ],
    [
      '§3.8.6',
      'MUST',
      'a sender survives a window that shrinks',
      [`${windows}is probed with what is outstanding when it shrank, for as long as the peer answers`],
    ],
    [
      '§3.8.6.1',
      'MUST',
      'a window of zero is probed',
      [
        `${zero}probe`,
        `${windows}is probed with one byte, ever more rarely, for as long as the peer answers`,
      ],
    ],
    [
      '§3.8.6.1',
      'MUST',
      'a connection lives on while its probes are answered',
      [`${zero}lives-while-answered`],
    ],
    [
      '§3.8.6.1',
      'SHOULD',
      'probes back off',
      [`${windows}is probed with one byte, ever more rarely, for as long as the peer answers`],
    ],
    [
      '§3.8.6.1',
      'MUST',
      'a receiver without room answers probes, and says when there is room',
      [`${zero}own-zero-window`],
    ],
    [
      '§3.8.6.2.1',
      'MUST',
      'the sender avoids silly windows',
      [
        'rfc9293/3.8.6.2-silly-window/small-window-is-not-used',
        `${windows}waits while the window takes neither a segment nor half of what it ever was`,
      ],
    ],
    [
      '§3.8.6.2.2',
      'MUST',
      'the receiver avoids silly windows',
      [`${windows}does not open by slivers (RFC 9293 §3.8.6.2.2)`],
    ],
    [
      '§3.8.6.3',
      'SHOULD',
      'acknowledgments are delayed',
      [`${windows}holds an acknowledgment back for 40 ms`, `${delayed}acknowledgment-rides-on-data`],
    ],
    ['§3.8.6.3', 'MUST', 'but for less than half a second', [`${delayed}acknowledgment-is-delayed`]],
    [
      '§3.8.6.3',
      'SHOULD',
      'every second full segment is acknowledged',
      [`${delayed}every-second-full-segment`],
    ],
    [
      '§3.9.2.2',
      'MUST NOT',
      'soft ICMP errors do not end a connection',
      [`${icmp}soft-error`, `${icmp}quench-nothing`],
    ],
    [
      '§3.9.2.2',
      'SHOULD',
      'hard ICMP errors end an attempt to connect',
      [`${paths}ends an attempt to connect when it says that there is nothing to connect to`],
    ],
    [
      '§3.9.2',
      'MUST',
      'ICMP errors find the connection that they quote',
      [
        `${paths}tells the subflow that it quotes how large packets may be, and no other`,
        `${mtu}quote-outside-the-window`,
      ],
    ],
    [
      '§3.10.7.1',
      'MUST',
      'CLOSED: a RST made from the segment',
      [`${open}closed-port`, `${open}closed-port-ack`],
    ],
    [
      '§3.10.7.2',
      'MUST',
      'LISTEN: RSTs are dropped, ACKs reset',
      [`${open}rst-to-listener`, `${open}ack-to-listener`],
    ],
    [
      '§3.10.7.3',
      'MUST',
      'SYN-SENT: a wrong acknowledgment is reset, a RST counts only with a right one',
      [
        `${open}unacceptable-ack-in-syn-sent`,
        `${open}refused`,
        `${open}rst-without-ack-is-ignored-in-syn-sent`,
      ],
    ],
    [
      '§3.10.7.4',
      'MUST',
      'SYN-RECEIVED: a wrong acknowledgment is reset',
      [`${open}bad-ack-in-syn-received`],
    ],
    [
      '§3.10.7.4',
      'MUST',
      'a segment outside the window is dropped and answered with an ACK',
      [`${accept}beyond-the-window`, `${accept}old-data-is-acknowledged`],
    ],
    ['§3.10.7.4', 'MUST', 'a segment without ACK is dropped', [`${accept}no-ack-flag`]],
    ['§3.10.7.4', 'SHOULD', 'segments out of order are kept', [`${accept}out-of-order`]],
    ['§3.10.7.4', 'MUST', 'of a segment that is partly old the new part is taken', [`${accept}partly-old`]],
    [
      '§3.10.7.4',
      'MUST',
      'data in the ACK that completes the handshake is taken',
      [`${open}data-in-third-ack`],
    ],
    ['§3.10.7.4', 'MUST', 'a RST at the right place ends the connection', [`${close}peer-resets`]],
    [
      '§3.8.5',
      'MUST',
      'urgent data is supported',
      [],
      'The urgent pointer is ignored and its byte stays in the stream; there is no call to send any.',
    ],
  ]),
};

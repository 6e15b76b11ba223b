/** RFC 9293 §3.8: sending again, giving up, keep-alive, urgent data, windows, acknowledgments. */
import type { Row } from '../requirement.js';

const open = 'rfc9293/3.5-connection/';
const close = 'rfc9293/3.6-close/';
const zero = 'rfc9293/3.8.6.1-zero-window/';
const delayed = 'rfc9293/3.8.6.3-delayed-ack/';
const keep = 'rfc9293/3.8.4-keep-alive/';
const fails = 'rfc9293/3.8.3-failures/';
const windows = 'src/tcp/window.test.ts › ';
const keepAlive = 'src/tcp/keep-alive.test.ts › ';
const recovery = 'src/tcp/recovery.test.ts › ';

export const resending: readonly Row[] = [
  [
    'timeout',
    '3.8.1 MUST-18',
    'the retransmission timeout follows RFC 6298, with Karn’s rule',
    [
      'rfc6298/5-timer/back-off',
      'src/tcp/scoreboard.test.ts › what was sent twice gives none, nor what waited for it at the peer',
    ],
  ],
  [
    'everything-is-sent-again',
    '3.8.1',
    'SYN, SYN+ACK, data and FIN are sent again',
    [
      `${open}syn-is-sent-again`,
      `${open}syn-ack-is-sent-again`,
      'rfc9293/3.8.1-retransmission/data-is-sent-again',
      `${close}fin-is-sent-again`,
    ],
  ],
  [
    'congestion-control',
    '3.8.2 MUST-19',
    'slow start, congestion avoidance and back-off of the timeout',
    [
      'rfc5681/3.1-slow-start/growth',
      'src/tcp/congestion/loss-based.test.ts › adds one segment a round trip (RFC 5681 §3.1)',
      'rfc6298/5-timer/back-off',
    ],
  ],
  [
    'fast-retransmit',
    '3.8.2',
    'three duplicates have the segment sent again that they ask for',
    ['rfc5681/3.2-fast-retransmit/three-duplicates'],
  ],
  [
    'ecn',
    '3.8.2 SHLD-8',
    'explicit congestion notification',
    [],
    'Not there: no ECN is offered, and an offer is answered without it.',
  ],
  [
    'gives-up',
    '3.8.3 MUST-20 MUST-21',
    'a connection that gets no answer tells that its path may be bad (R1), and fails after a while (R2), which the owner may set',
    [
      `${fails}gives-up`,
      `${recovery}backs off, says so each time, and gives up`,
      `${recovery}gives up when data went unacknowledged for the user timeout`,
    ],
  ],
  [
    'trouble-is-told',
    '3.8.3 SHLD-9',
    'the application hears of the trouble before the connection fails',
    [],
    'It is told of each subflow that is lost; while the only one is silent it sees the retransmissions in the statistics only.',
  ],
  [
    'r1-and-r2',
    '3.8.3 SHLD-10 SHLD-11',
    'R1 is three repetitions at least, R2 100 seconds at least',
    [`${fails}holds-out-100-seconds`],
    'A subflow counts as stale after the first timeout already where another one works.',
  ],
  [
    'syn-gives-up',
    '3.8.3 6 MUST-23',
    'an open that nobody answers fails too; SYNs are sent again for three minutes at least',
    [`${fails}syn-gives-up`, `${fails}syn-holds-out-three-minutes`],
  ],
];

export const keepingAlive: readonly Row[] = [
  [
    'keep-alive-off',
    '3.8.4 MUST-24 MUST-25',
    'keep-alive is off unless asked for, and can be switched on and off',
    [
      `${keep}off-by-default`,
      `${keepAlive}is off unless asked for`,
      `${keepAlive}can be asked for later, and given up`,
    ],
  ],
  [
    'keep-alive-when-idle',
    '3.8.4 MUST-26',
    'a probe goes out only when nothing is outstanding and nothing came for the interval',
    [
      `${keepAlive}starts over with every segment that comes`,
      `${keepAlive}leaves the watch to the retransmission timer while data is outstanding`,
    ],
  ],
  [
    'keep-alive-interval',
    '3.8.4 MUST-27 MUST-28',
    'the interval can be set, and is two hours where it is not',
    [`${keep}probe`],
    'There is no interval by default: who asks for keep-alive says how long.',
  ],
  [
    'keep-alive-loss',
    '3.8.4 MUST-29',
    'one probe without an answer does not end a connection',
    [`${keep}one-lost-probe-is-nothing`],
  ],
  ['keep-alive-no-data', '3.8.4 SHLD-12', 'a probe carries no data', [`${keep}probe`]],
  [
    'keep-alive-answer',
    '3.8.4',
    'a probe of the peer is answered, with data or without',
    [`${keep}answers-probe`, `${keep}answers-probe-with-garbage`],
  ],
  [
    'urgent',
    '3.8.5 MUST-30 MUST-31 MUST-62 MUST-32 MUST-33',
    'urgent data is supported, and the application is told of it',
    [],
    'The urgent pointer is ignored and its bytes stay in the stream; there is no call to send any. Over Multipath TCP it has no use (RFC 8684 §3.3.1).',
  ],
];

export const windowRules: readonly Row[] = [
  ['respects-window', '3.8.6', 'nothing is sent beyond the window', ['rfc9293/3.8.6-window/respects-window']],
  [
    'own-window-does-not-shrink',
    '3.8.6 SHLD-14',
    'a receiver does not take its window back',
    [`${windows}never moves the edge back by rounding`],
    'It does where its owner makes the buffer smaller.',
  ],
  [
    'shrunken-window',
    '3.8.6 MUST-34 SHLD-15',
    'a sender survives a window that shrinks, and sends no new data into it',
    [
      'rfc9293/3.8.6-window/shrinks',
      `${windows}is probed with what is outstanding when it shrank, for as long as the peer answers`,
    ],
  ],
  [
    'shrunken-window-resends',
    '3.8.6 SHLD-16',
    'what still fits a window that shrank is sent again as usual',
    ['rfc9293/3.8.6-window/resends-what-still-fits'],
  ],
  [
    'shrunken-window-lives',
    '3.8.6 SHLD-17',
    'a connection does not fail for data beyond a window that shrank',
    [`${windows}is probed with what is outstanding when it shrank, for as long as the peer answers`],
  ],
  [
    'zero-window-is-probed',
    '3.8.6 MUST-35; 3.8.6.1 MUST-36',
    'a window of zero is probed, one that shrank to zero too',
    [
      `${zero}probe`,
      `${windows}is probed with one byte, ever more rarely, for as long as the peer answers`,
      `${windows}is probed with what is outstanding when it shrank, for as long as the peer answers`,
    ],
  ],
  [
    'zero-window-lives',
    '3.8.6.1 MUST-37',
    'a connection lives on while its probes are answered',
    [`${zero}lives-while-answered`],
  ],
  [
    'zero-window-timing',
    '3.8.6.1 SHLD-29 SHLD-30',
    'the first probe waits for the retransmission timeout, the next ones ever longer',
    [`${zero}probe`, `${windows}is probed with one byte, ever more rarely, for as long as the peer answers`],
  ],
  [
    'own-zero-window',
    '3.8.6.1',
    'a receiver without room answers probes, and says when there is room',
    [`${zero}own-zero-window`],
  ],
  [
    'silly-window-sender',
    '3.8.6.2.1 MUST-38',
    'the sender avoids silly windows',
    [
      'rfc9293/3.8.6.2-silly-window/small-window-is-not-used',
      `${windows}waits while the window takes neither a segment nor half of what it ever was`,
    ],
  ],
  [
    'silly-window-receiver',
    '3.8.6.2.2 MUST-39',
    'the receiver avoids silly windows',
    [`${windows}does not open by slivers (RFC 9293 §3.8.6.2.2)`],
  ],
  [
    'delayed-ack',
    '3.8.6.3 SHLD-18',
    'acknowledgments are delayed, and go with data where there is some',
    [`${windows}holds an acknowledgment back for 40 ms`, `${delayed}acknowledgment-rides-on-data`],
  ],
  [
    'delayed-ack-limit',
    '3.8.6.3 MUST-40',
    'but for less than half a second',
    [`${delayed}acknowledgment-is-delayed`],
  ],
  [
    'ack-every-second',
    '3.8.6.3 SHLD-19',
    'every second full segment is acknowledged',
    [`${delayed}every-second-full-segment`],
  ],
];

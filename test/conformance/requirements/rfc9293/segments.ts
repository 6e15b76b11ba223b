/** RFC 9293 §3.1 to §3.7: headers, options, numbers, opening and closing, segment sizes. */
import type { Row } from '../requirement.js';

const open = 'rfc9293/3.5-connection/';
const close = 'rfc9293/3.6-close/';
const nagle = 'rfc9293/3.7.4-nagle/';
const options = 'rfc9293/3.2-options/';
const mtu = 'rfc1191/3-path-mtu/';
const tcp = 'src/tcp/connection.test.ts › ';
const closing = 'src/tcp/closing.test.ts › ';
const wire = 'src/wire/tcp-segment.test.ts › ';
const ports = 'src/stack/port-allocator.test.ts › ';

export const header: readonly Row[] = [
  [
    'window-is-unsigned',
    '3.1 MUST-1 REC-1',
    'the window is an unsigned number, and is reckoned with in 32 bits and more',
    ['rfc9293/3.8.6-window/window-is-unsigned', 'rfc7323/2-scaling/offered-and-used'],
  ],
  [
    'checksum',
    '3.1 MUST-2 MUST-3',
    'the checksum is sent, and verified: a segment with a wrong one is dropped',
    [
      `${open}bad-checksum`,
      'src/wire/round-trip.test.ts › segments are read back as they were written, with a right checksum',
    ],
  ],
  [
    'header-padding',
    '3.1 MUST-69',
    'what follows the end of the option list is zero',
    [`${wire}pads the header with zeros`],
  ],
  [
    'mandatory-options',
    '3.1 MUST-4; 3.2 MUST-64',
    'end of list, no-operation and MSS are known, wherever they stand',
    [`${options}unaligned-options`, `${wire}reads nothing behind the end of the list`],
  ],
  ['options-in-any-segment', '3.1 MUST-5', 'options may stand in any segment', [`${options}option-on-data`]],
  [
    'unknown-option',
    '3.1 MUST-6 MUST-68',
    'options of an unknown kind are stepped over by their length',
    [`${open}unknown-option`, `${wire}counts options it does not know`],
  ],
  [
    'bad-option-length',
    '3.1 MUST-7',
    'a nonsensical length of an option harms nothing',
    [
      `${options}option-of-length-zero`,
      'src/wire/robustness.test.ts › takes any bytes, and nothing around them',
    ],
  ],
  ['mss-on-syn-only', '3.2 MUST-65', 'the MSS option is sent on SYNs only', [`${options}mss-only-on-syn`]],
  [
    'numbers-wrap',
    '3.4',
    'sequence numbers compare modulo 2^32',
    ['rfc9293/3.10-acceptability/numbers-wrap'],
  ],
  [
    'rst-with-closed-window',
    '3.4 MUST-66',
    'a RST counts while the window is closed',
    [
      'rfc9293/3.8.6.1-zero-window/rst-with-closed-window',
      'src/tcp/acceptability.test.ts › takes acknowledgments, resets and a bare FIN while the window is closed',
    ],
    'The urgent pointer is not looked at in any segment.',
  ],
  [
    'initial-numbers',
    '3.4.1 MUST-8 SHLD-1 MUST-9',
    'initial sequence numbers come from a clock of 4 µs and a keyed hash of the four-tuple that nobody outside can reckon',
    [
      `${ports}moves on by a tick each 4 us for a four-tuple, with a timestamp offset that stays`,
      `${ports}tells nothing about another four-tuple`,
    ],
  ],
];

export const opening: readonly Row[] = [
  [
    'handshake',
    '3.5',
    'the three-way handshake, from either side',
    [`${open}handshake`, `${open}active-open`],
  ],
  [
    'simultaneous-open',
    '3.5 MUST-10',
    'two SYNs that cross make one connection',
    [
      `${open}simultaneous-open`,
      `${tcp}opens simultaneously (RFC 9293 figure 8)`,
      'src/stack/simultaneous-open.test.ts › get one connection, and what each wrote arrives whole',
      'src/mptcp/simultaneous-open.test.ts › of which one comes late finds the connection open, and changes nothing (RFC 5961 §4)',
    ],
  ],
  [
    'origin-of-syn-received',
    '3.5 MUST-11',
    'a connection in SYN-RECEIVED knows how it was opened: a RST ends an active open with an error, a passive one in silence',
    [`${open}rst-in-syn-received`, `${open}rst-in-simultaneous-open`],
  ],
  [
    'old-duplicate-syn',
    '3.5',
    'old duplicate SYNs make no connection',
    [`${open}old-duplicate-syn-in-syn-received`, `${open}half-open`],
  ],
  [
    'half-open',
    '3.5.1',
    'a half-open connection is found out and reset',
    [
      `${open}half-open`,
      `${tcp}resets a half-open peer that acknowledges what was never sent (RFC 9293 figure 10)`,
    ],
  ],
  [
    'reset-generation',
    '3.5.2',
    'segments to no connection are answered with a RST, RSTs are not',
    [`${open}closed-port`, `${open}closed-port-ack`, `${open}closed-port-rst`],
  ],
  ['rst-with-data', '3.5.3 SHLD-2', 'a RST may come with data', [`${open}rst-with-data`]],
];

export const closingRules: readonly Row[] = [
  [
    'half-close',
    '3.6',
    'each direction ends for itself, from either side and from both at once',
    [`${close}half-close`, `${close}peer-closes`, `${close}host-closes`, `${close}simultaneous-close`],
  ],
  [
    'application-knows-why',
    '3.6 MUST-12',
    'the application is told whether the peer closed or reset',
    [`${close}peer-closes`, `${close}peer-resets`],
  ],
  [
    'fin-after-data',
    '3.6',
    'a FIN takes effect after all data before it',
    [`${close}fin-with-data`, `${close}fin-out-of-order`],
  ],
  [
    'data-after-close',
    '3.6.1 SHLD-3',
    'data for an application that has closed is answered with a RST',
    [`${close}data-after-close-is-reset`],
  ],
  [
    'time-wait',
    '3.6.1 MUST-13',
    'the side that closes first stays in TIME-WAIT for twice the life of a segment, and answers the peer’s FIN there',
    [
      `${close}time-wait-answers`,
      `${closing}lasts twice the life of a segment, and again that long when the FIN comes again`,
    ],
    'A segment is taken to live 30 s (`timeWaitNs`).',
  ],
  [
    'time-wait-by-timestamps',
    '3.6.1 SHLD-4',
    'a newer SYN ends TIME-WAIT (RFC 6191)',
    [
      `${closing}may be ended by a SYN that is newer than all that came (RFC 6191 §2)`,
      'src/stack/time-wait.test.ts › makes way for a newer connection of the same ports',
    ],
  ],
  ['abort', '3.6', 'an application can abort, with a RST', [`${close}abort`]],
];

export const sizes: readonly Row[] = [
  [
    'mss-option',
    '3.7.1 MUST-14 SHLD-5 MUST-67',
    'the MSS option is sent on every SYN, with what the interface takes, and heeded',
    [`${open}active-open`, `${open}handshake`, `${open}mss-of-peer`],
  ],
  [
    'mss-default',
    '3.7.1 MUST-15',
    'without it 536 bytes over IPv4 and 1220 over IPv6 are taken',
    [`${open}mss-default`, `${open}mss-default-ipv6`],
  ],
  [
    'effective-mss',
    '3.7.1 MUST-16',
    'no segment is larger than the peer’s MSS and the path allow, options counted',
    [`${open}mss-of-peer`, `${open}mss-counts-options`, `${mtu}too-big-makes-smaller-segments`],
  ],
  [
    'mss-of-varying-mtu',
    '3.7.3 SHLD-6',
    'the MSS goes by the least MTU of the interface',
    [`${options}mss-follows-mtu`],
  ],
  [
    'path-mtu-discovery',
    '3.7.2',
    'path MTU discovery',
    [`${mtu}too-big-makes-smaller-segments`, `${mtu}ipv6-too-big`],
  ],
  [
    'nagle',
    '3.7.4 SHLD-7',
    'Nagle’s rule: a small segment waits while another is not acknowledged',
    [`${nagle}small-segments-wait`, `${nagle}full-segments-do-not-wait`],
  ],
  ['nagle-off', '3.7.4 MUST-17', 'an application can switch it off', [`${nagle}can-be-switched-off`]],
];

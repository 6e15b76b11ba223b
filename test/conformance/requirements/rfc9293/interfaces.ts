/** RFC 9293 §3.9 and §3.10: the application, the layer below, and what each segment does. */
import type { ExemptionRow, Row } from '../requirement.js';

const open = 'rfc9293/3.5-connection/';
const accept = 'rfc9293/3.10-acceptability/';
const icmp = 'rfc9293/3.9.2-icmp/';
const mtu = 'rfc1191/3-path-mtu/';
const limits = 'src/stack/host-limits.test.ts › ';
const paths = 'src/stack/paths.test.ts › ';
const addresses = 'src/stack/addresses.test.ts › ';

export const application: readonly Row[] = [
  [
    'listening-disturbs-nothing',
    '3.9.1.1 MUST-41 MUST-42',
    'to listen on a port changes nothing about the connections that have it',
    [`${addresses}lets a port be listened on that a connection under way has`],
  ],
  [
    'local-address',
    '3.9.1.1 MUST-43',
    'an application may say which of its addresses a connection is to have',
    [`${addresses}takes the local address that it is given`],
  ],
  [
    'local-address-is-chosen',
    '3.9.1.1 MUST-44 MUST-45',
    'else one is chosen by route before the first SYN, and stays',
    [
      'src/stack/interface-table.test.ts › prefers the link the peer is on, then routes, then the metric',
      `${addresses}keeps the address of the first SYN`,
    ],
  ],
  [
    'invalid-remote-address',
    '3.9.1.1 MUST-46',
    'a connection to a group, to everybody or to nobody is refused',
    [`${addresses}refuses to connect to a group, to everybody and to nobody: %s (RFC 9293 §3.9.1.1)`],
  ],
  [
    'push',
    '3.9.1.2 MUST-60 MUST-61 SHLD-27',
    'data does not wait for ever, and PSH is set on the last segment of what was written',
    ['rfc9293/3.9.1-push/last-segment-is-pushed', 'rfc9293/3.7.4-nagle/small-segments-wait'],
  ],
  [
    'largest-segment',
    '3.9.1.2 SHLD-28',
    'segments are full where there is the data',
    ['rfc9293/3.9.1-push/last-segment-is-pushed'],
  ],
  [
    'no-urgent-data',
    '3.8.5 SHLD-13; 3.9.1.2 SHLD-13',
    'applications do not use urgent data',
    ['rfc8684/3.3-data/urgent-data-stays-in-stream'],
    'There is no call for it.',
  ],
  [
    'errors-are-reported',
    '3.9.1.8 MUST-47 2 SHLD-20',
    'soft errors are told, ICMP messages and excessive retransmission among them, to who wants to hear',
    ['rfc9293/3.8.3-failures/unreachable-is-told'],
    'They are told at the end, as the reason why the connection failed; what does no harm is told nobody.',
  ],
  [
    'diffserv',
    '3.9.1.9 MUST-48 SHLD-21 SHLD-22; 3.9.2 SHLD-23',
    'an application may set the Differentiated Services field',
    [],
    'It is zero: the host has no setting for it.',
  ],
  [
    'time-to-live',
    '3.9.2 MUST-49',
    'the time to live can be set',
    [`${addresses}sends the time to live that was set`],
  ],
];

export const network: readonly Row[] = [
  [
    'ip-options',
    '3.9.2 MUST-50',
    'IP options that are not understood are ignored',
    ['src/wire/ip-packet.test.ts › skips IPv4 options'],
  ],
  [
    'icmp-finds-connection',
    '3.9.2.2 MUST-54',
    'ICMP errors find the connection that they quote',
    [
      `${paths}tells the subflow that it quotes how large packets may be, and no other`,
      `${mtu}quote-outside-the-window`,
    ],
  ],
  ['source-quench', '3.9.2.2 MUST-55', 'source quench is dropped in silence', [`${icmp}source-quench`]],
  [
    'soft-errors',
    '3.9.2.2 MUST-56',
    'destination unreachable (0, 1, 5), time exceeded and parameter problem do not end a connection',
    [
      `${icmp}soft-error`,
      `${icmp}time-exceeded`,
      `${icmp}network-unreachable`,
      `${icmp}source-route-failed`,
      `${icmp}parameter-problem`,
    ],
  ],
  [
    'soft-errors-are-told',
    '3.9.2.2 SHLD-25',
    'the application gets to know of destination unreachable',
    ['rfc9293/3.8.3-failures/unreachable-is-told'],
  ],
  [
    'hard-errors',
    '3.9.2.2 SHLD-26',
    'destination unreachable (2 to 4) ends the connection',
    [`${paths}ends an attempt to connect when it says that there is nothing to connect to`],
    'An attempt to connect only: a connection that stands is left alone, for such messages are forged easily (RFC 5927 §6).',
  ],
  [
    'invalid-source',
    '3.9.2.3 MUST-63',
    'a SYN from a group, from everybody or from nobody is ignored',
    [`${addresses}ignores a SYN from a group, from everybody and from nobody: %s (RFC 9293 §3.9.2.3)`],
  ],
  [
    'invalid-destination',
    '3.9.2.3 MUST-57',
    'a SYN to a group or to everybody is ignored',
    [`${addresses}ignores a SYN to a group and to everybody: %s (RFC 9293 §3.9.2.3)`],
  ],
];

export const processing: readonly Row[] = [
  [
    'closed',
    '3.10.7.1',
    'CLOSED: a RST made from the segment',
    [
      `${open}closed-port`,
      `${open}closed-port-ack`,
      `${limits}is answered with a reset that its sender believes`,
    ],
  ],
  [
    'listen',
    '3.10.7.2',
    'LISTEN: RSTs are dropped, ACKs reset',
    [`${open}rst-to-listener`, `${open}ack-to-listener`],
  ],
  [
    'syn-sent',
    '3.10.7.3',
    'SYN-SENT: a wrong acknowledgment is reset, a RST counts only with a right one',
    [
      `${open}unacceptable-ack-in-syn-sent`,
      `${open}refused`,
      `${open}rst-without-ack-is-ignored-in-syn-sent`,
    ],
  ],
  [
    'syn-received',
    '3.10.7.4',
    'SYN-RECEIVED: a wrong acknowledgment is reset',
    [`${open}bad-ack-in-syn-received`],
  ],
  [
    'outside-the-window',
    '3.10.7.4',
    'a segment outside the window is dropped and answered with an ACK',
    [`${accept}beyond-the-window`, `${accept}old-data-is-acknowledged`],
  ],
  [
    'acks-are-aggregated',
    '3.10.7.4 MUST-58 MUST-59',
    'of segments that come together all are taken in before an acknowledgment goes out',
    [`${accept}one-ack-for-many`],
  ],
  ['out-of-order-is-kept', '3.10.7.4 SHLD-31', 'segments out of order are kept', [`${accept}out-of-order`]],
  ['no-ack-flag', '3.10.7.4', 'a segment without ACK is dropped', [`${accept}no-ack-flag`]],
  [
    'partly-old',
    '3.10.7.4',
    'of a segment that is partly old the new part is taken',
    [`${accept}partly-old`],
  ],
  [
    'data-in-third-ack',
    '3.10.7.4',
    'data in the ACK that completes the handshake is taken',
    [`${open}data-in-third-ack`],
  ],
];

export const interfaceExemptions: readonly ExemptionRow[] = [
  [
    '3.9.2.1 MUST-51 MUST-52 MUST-53 SHLD-24',
    'Of source routes, which are not sent and not followed: routers drop them today (RFC 7126).',
  ],
  ['3.10.7.3 1', ['5961-rst-in-syn-sent']],
  ['3.10.7.4 4-6', ['5961-exact-rst', '5961-rst-in-window']],
  ['3.10.7.4 7 8', ['5961-syn-is-challenged']],
  ['3.10.7.4 9 10', ['5961-ack-range']],
];

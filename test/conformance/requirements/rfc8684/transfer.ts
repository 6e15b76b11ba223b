/** RFC 8684 §3.3.3 to §3.3.8: the end of the stream, windows, sending again, priorities. */
import type { Row } from '../requirement.js';

const data = 'rfc8684/3.3-data/';
const close = 'rfc8684/3.3.3-close/';
const prio = 'rfc8684/3.3.8-priority/';
const join = 'rfc8684/3.2-join/';
const closing = 'src/mptcp/close.test.ts › ';
const dataFin = 'src/mptcp/data-fin.test.ts › ';
const handover = 'src/mptcp/handover.test.ts › ';
const window = 'src/mptcp/window.test.ts › ';

export const closingRules: readonly Row[] = [
  [
    'data-fin-alone',
    '3.3.3 1',
    'a DATA_FIN without data has subflow number 0, length 1 and its own data sequence number',
    [
      `${close}host-sends-data-fin`,
      `${dataFin}goes alone when the data is out already, mapping one number and no byte of the subflow`,
    ],
  ],
  [
    'data-fin-takes-a-number',
    '3.3.3',
    'a DATA_FIN takes one number after the last byte, alone or with data',
    [`${close}data-fin-with-data`, `${close}last-data-and-data-fin`, `${close}data-fin-added-to-mapping`],
  ],
  [
    'data-fin-is-acknowledged',
    '3.3.3',
    'a DATA_FIN is acknowledged once all data before it has come, on whatever subflow, and not before',
    [`${close}data-fin-is-answered`, `${close}data-fin-waits-for-data`, `${close}data-fin-on-any-subflow`],
  ],
  [
    'data-fin-again',
    '3.3.3',
    'a DATA_FIN is sent again until it is acknowledged, over another subflow where its own is gone',
    [`${close}data-fin-is-sent-again`, `${close}data-fin-lost-with-subflow`],
  ],
  [
    'subflows-outlive-data',
    '3.3.3 2',
    'the subflows are not closed before all data and the DATA_FIN are acknowledged',
    [`${close}host-sends-data-fin`, `${close}subflows-wait-for-data-ack`],
    'An owner may close single subflows; what they had in flight goes over the others.',
  ],
  [
    'subflows-end-with-fin',
    '3.3.3 3 4',
    'once both DATA_FINs are acknowledged every subflow is closed with a FIN, a silent one too',
    [`${close}whole-close`, `${close}fin-on-every-subflow`],
  ],
  [
    'fin-ends-its-subflow',
    '3.3.3',
    'a FIN ends its subflow and nothing else',
    [`${close}subflow-fin-is-not-the-end`, `${close}closing-one-subflow`],
  ],
  [
    'each-direction-for-itself',
    '3.3.3',
    'each direction ends for itself',
    [`${close}peer-closes-first`, `${closing}lets the other direction go on after one has ended`],
  ],
  [
    'connection-outlives-subflows',
    '3.3.3',
    'a connection without subflows waits a while for a new one',
    [
      `${close}connection-outlives-its-subflows`,
      `${handover}fails with a clear error when the grace time is over`,
    ],
  ],
];

export const windows: readonly Row[] = [
  [
    'right-edge-never-shrinks',
    '3.3.4 1',
    'the right edge of the receive window, counted from the DATA_ACK, never goes back',
    [
      'src/mptcp/receive-data.test.ts › keeps the right edge of its window while bytes come, and moves it as they are read',
      'src/tcp/window.test.ts › never moves the edge back by rounding',
    ],
  ],
  [
    'mapping-sanity-check',
    '3.3.4 2',
    'data lies at least as far ahead in the data sequence as it does in its subflow',
    [],
    'Not checked. Data that goes over a second subflow may be old at the data level by then, and the subflow has to take it all the same (§3.3.6): the test would break it. What lies beyond the data window is dropped.',
  ],
  [
    'window-is-of-the-connection',
    '3.3.4',
    'the receive window is one for all subflows and counts from the DATA_ACK; what fits it is taken on every subflow',
    [
      `${data}window-is-of-the-data-level`,
      `${data}window-moves-with-data-ack`,
      `${window}never makes the peer send what is then dropped`,
    ],
  ],
  [
    'beyond-the-window',
    '3.3.4',
    'data beyond the data window is not taken',
    [`${data}data-outside-the-window`],
  ],
  [
    'largest-window-counts',
    '3.3.5 1; 4 4',
    'the sender goes by the largest of the right edges that the subflows have told',
    [`${data}window-edge-never-goes-back`],
  ],
  [
    'window-of-each-subflow',
    '3.3.5 2',
    'the sender keeps to the window of each subflow as well',
    [`${data}subflow-window-counts-too`],
  ],
  [
    'send-buffer-size',
    '3.3.5 3',
    'the send buffer is at least as big as the receive buffer',
    ['src/mptcp/settings.test.ts › have a send buffer as big as the receive buffer (RFC 8684 §3.3.5)'],
    'By default; an owner may set it smaller.',
  ],
];

export const resending: readonly Row[] = [
  [
    'original-goes-on',
    '3.3.6 1',
    'a subflow goes on sending its own data again, with its own mapping, though another carried it too',
    [`${data}lost-data-also-on-other-subflow`, `${data}retransmission-keeps-mapping`],
  ],
  [
    'bad-path-says-so',
    '3.3.6 3',
    'a RST for bad performance of a path says so with reason 5',
    ['src/mptcp/handshake-join.test.ts › gives up after the last repetition'],
  ],
  [
    'data-goes-elsewhere',
    '3.3.6',
    'data that a subflow does not deliver goes over another one',
    [`${data}lost-data-also-on-other-subflow`, `${data}subflow-ack-is-no-data-ack`],
  ],
  [
    'own-congestion-window',
    '3.3.7',
    'each subflow has a congestion window of its own',
    ['rfc8684/3.3.7-congestion/window-of-its-own'],
  ],
  [
    'shared-bottleneck',
    '3.3.7',
    'subflows that share a bottleneck take no more than one TCP connection would: coupled congestion control',
    [
      'src/experiments/congestion-fairness/scenarios.test.ts › take about what one TCP connection does with %s (RFC 8684 §3.3.7)',
    ],
    'With `lia`, `olia` or `balia`. By default subflows run CUBIC, each for itself, as they do in Linux.',
  ],
];

export const priority: readonly Row[] = [
  [
    'backup-carries-nothing',
    '3.3.8 1 2',
    'a subflow that the peer made a backup carries no data while a regular one can',
    [
      `${join}backup-flag-of-peer`,
      `${prio}peer-asks-for-backup`,
      `${handover}carries nothing while a regular subflow is usable, and everything when none is`,
    ],
  ],
  [
    'backup-takes-over',
    '3.3.8',
    'backups carry the data when no regular subflow is left',
    [`${prio}backup-takes-over`],
  ],
  [
    'prio-concerns-its-subflow',
    '3.3.8',
    'MP_PRIO changes the priority of the subflow that carries it, and of no other',
    [`${prio}host-asks-for-backup`, `${prio}host-asks-for-regular`, `${prio}address-id-form-is-ignored`],
  ],
];

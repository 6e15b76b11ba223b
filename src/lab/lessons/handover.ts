/** How a connection outlives a path. Read first: RFC 8684 §3.3.6 and §3.4.2. */
import { MILLISECOND } from '../../base/index.js';
import { awaitedText, bareAck, mappedText, mappingOf } from './words.js';
import { FULL_SEGMENT_BYTES } from './lesson-world.js';
import type { Caption, Lesson, LessonScript } from './model.js';
import { cellular, wifi } from './places.js';

const script: LessonScript = {
  seed: 14,
  paths: [wifi, cellular],
  answer: [{ afterNs: 170 * MILLISECOND, bytes: 6 * FULL_SEGMENT_BYTES }],
  fromNs: 180 * MILLISECOND,
  untilNs: 420 * MILLISECOND,
  incidents: [{ atNs: 204 * MILLISECOND, path: 0, what: 'leave', text: 'the client leaves the Wi-Fi' }],
};

const again = 'RFC 8684 §3.3.6';

const reinjected: readonly Caption[] = [
  {
    id: 'reinjection',
    fits: (packet) => packet.path === 1 && packet.from === 'server' && mappingOf(packet) !== undefined,
    title: 'The same data over the other path',
    text: (packet, facts) =>
      `It carries ${mappedText(packet, facts)} again, with the same data sequence numbers, but with those of the other subflow below them: a reinjection. Should the first copy come after all, the receiver knows it by its number and drops it.`,
    source: again,
    field: 'data sequence number',
  },
  {
    id: 'goes-on',
    fits: (packet) => packet.path === 1 && packet.from === 'client' && bareAck(packet)?.dataAck !== undefined,
    title: 'The application has noticed nothing',
    text: (packet, facts) =>
      `The DATA_ACK moves on to ${awaitedText(packet, facts)}. The socket is the same, and not a byte is missing or doubled; there was a pause.`,
    source: 'RFC 8684 §3.3.2',
    field: 'DATA_ACK',
  },
];

const captions: readonly Caption[] = [
  {
    id: 'on-wifi',
    fits: (packet) => packet.path === 0 && packet.from === 'server' && mappingOf(packet) !== undefined,
    title: 'The answer begins on the quicker path',
    text: (packet, facts) =>
      `The server sends ${mappedText(packet, facts)} over Wi-Fi, and all that follow: there is room in its window, and its round-trip time is the lower.`,
    source: 'RFC 8684 §3.3.8',
    field: 'data sequence number',
  },
  {
    id: 'remove-addr',
    fits: (packet) => packet.option('REMOVE_ADDR') !== undefined,
    title: 'The client says that an address is gone',
    text: (packet) =>
      `It cannot say so where it was, so it says it over LTE: address ${packet.option('REMOVE_ADDR')!.addressIds.join(', ')} is no more. A number names it, not the address itself: a translator on the way may have changed that.`,
    source: 'RFC 8684 §3.4.2',
    field: 'REMOVE_ADDR',
  },
  {
    id: 'keepalive',
    fits: (packet) => packet.path === 0 && packet.from === 'server' && bareAck(packet) !== undefined,
    title: 'The server makes sure',
    text: () =>
      'A REMOVE_ADDR could be forged, so the server asks on the subflow whether somebody is still there before it gives it up. Nobody answers.',
    source: 'RFC 8684 §3.4.2',
    field: 'TCP',
  },
  ...reinjected,
];

const silent: readonly Caption[] = [
  captions[0]!,
  {
    id: 'probe',
    fits: (packet) =>
      packet.path === 0 &&
      packet.from === 'server' &&
      mappingOf(packet) !== undefined &&
      packet.payloadBytes > 0,
    title: 'More of it, into the dark',
    text: (packet, facts) =>
      `Next come ${mappedText(packet, facts)}. Nothing tells the server that nobody hears it: no RST, no ICMP, no REMOVE_ADDR. It can only wait for acknowledgements.`,
    source: 'RFC 9293 §3.8.3',
    field: 'data sequence number',
  },
  ...reinjected,
];

export const handover: Lesson = {
  id: 'handover',
  title: 'Handover',
  forms: [
    {
      id: 'leaves',
      name: 'the client leaves the Wi-Fi',
      intro:
        'An answer is on its way over Wi-Fi when the client walks out of the house. What was on the way is lost with the path. The client tells the server over LTE that the address is gone; the server sends what was not acknowledged again, over the subflow that is left.',
      script,
      captions,
    },
    {
      id: 'silence',
      name: 'now the path goes silent',
      intro:
        'The same, but nobody is told: the access point is still there, its uplink is not. The client keeps its address, so there is no REMOVE_ADDR. The server must find out by itself, and that takes time.',
      script: {
        ...script,
        untilNs: 620 * MILLISECOND,
        incidents: [
          { atNs: 198 * MILLISECOND, path: 0, what: 'silence', text: 'Wi-Fi swallows all packets' },
        ],
      },
      captions: silent,
    },
  ],
  question:
    'The server could send every byte over both paths at once, and no path would be missed. What does that cost?',
  answer:
    'Every byte takes room on each path: two paths together carry no more than one, and a metered one is paid for in full. It is worth that for what is short and must be quick, and the scheduler `redundant` does it. The other way is to wait less: after how long a silence data is given to others is a trade between a long pause and bytes that are sent twice for nothing.',
  tryText:
    'Wi-Fi dies in the middle of a download: LTE takes over, and reinjected bytes show in the data sequence.',
  scenario: 'seed=5&service=handover&traffic=bulk,5M&at=500ms,0,kill',
};

/** How a connection goes on as plain TCP. Read first: RFC 8684 §3.7 and §6. */
import { formatCount, MILLISECOND } from '../../base/index.js';
import { hex16, isSyn, isSynAck, mappedText, mappingOf } from './words.js';
import { FULL_SEGMENT_BYTES } from './lesson-world.js';
import type { Caption, Lesson, LessonScript } from './model.js';
import { wifi } from './places.js';

/** Payload of a segment without options of Multipath TCP. */
const PLAIN_SEGMENT_BYTES = 1448;

const fallback = 'RFC 8684 §3.7';

const stripped: LessonScript = {
  seed: 15,
  paths: [{ ...wifi, box: 'strip-capable-syn' }],
  answer: [{ afterNs: 0, bytes: 2 * PLAIN_SEGMENT_BYTES }],
  mappingBytes: PLAIN_SEGMENT_BYTES,
  untilNs: 200 * MILLISECOND,
};

const strippedCaptions: readonly Caption[] = [
  {
    id: 'stripped-syn',
    fits: (packet) => isSyn(packet) && packet.option('MP_CAPABLE') !== undefined,
    title: 'The option does not get through',
    text: () =>
      'The client sends MP_CAPABLE. A box on the way does not know the option and overwrites it with NOPs: look at the packet as it arrived. To the server this is the SYN of a client that speaks plain TCP.',
    source: 'RFC 8684 §6',
    field: 'options',
  },
  {
    id: 'plain-syn-ack',
    fits: (packet) => isSynAck(packet) && packet.options.length === 0,
    title: 'So the answer has none',
    text: () =>
      'The server answers as plain TCP asks. When the client sees a SYN+ACK without MP_CAPABLE it takes no further part in Multipath TCP on this connection.',
    source: 'RFC 8684 §3.1',
    field: 'options',
  },
  {
    id: 'plain-request',
    fits: (packet) => packet.from === 'client' && packet.payloadBytes > 0 && packet.options.length === 0,
    title: 'The request goes out, as plain TCP',
    text: (packet) =>
      `${formatCount(packet.payloadBytes)} bytes and no option of Multipath TCP, nor in any packet from here on. The application gets its answer all the same; there is one path, and there will be no other.`,
    source: fallback,
    field: 'options',
  },
];

const rewritten: LessonScript = {
  seed: 16,
  paths: [{ ...wifi, box: 'payload-rewriting', boxAtByte: 700 }],
  checksum: true,
  answer: [
    { afterNs: 0, bytes: FULL_SEGMENT_BYTES },
    { afterNs: 100 * MILLISECOND, bytes: FULL_SEGMENT_BYTES },
  ],
  untilNs: 250 * MILLISECOND,
};

const rewrittenCaptions: readonly Caption[] = [
  {
    id: 'wants-checksum',
    fits: (packet) => isSyn(packet) && packet.option('MP_CAPABLE') !== undefined,
    title: 'The client asks for checksums',
    text: () => 'Flag A: every mapping of this connection is to have one, in both directions.',
    source: 'RFC 8684 §3.1',
    field: 'A, checksum required',
  },
  {
    id: 'changed',
    fits: (packet) => packet.from === 'server' && mappingOf(packet)?.checksum !== undefined,
    title: 'A box changes the payload',
    text: (packet, facts) =>
      `The server sent ${mappedText(packet, facts)} with the checksum ${hex16(mappingOf(packet)!.checksum!)}. A gateway changed a byte and corrected the checksum of TCP: that one is right on arrival. That of the mapping is not.`,
    source: 'RFC 8684 §3.3.1',
    field: 'DSS/checksum',
  },
  {
    id: 'mp-fail',
    fits: (packet) => packet.from === 'client' && packet.option('MP_FAIL') !== undefined,
    title: 'The receiver says from where on nothing holds',
    text: (packet) =>
      `MP_FAIL names data sequence number ${packet.option('MP_FAIL')!.dataSeq}, where the mapping begins that did not fit. With another subflow this one would be closed and the data sent there. There is none, so the connection goes on without mappings.`,
    source: fallback,
    field: 'MP_FAIL',
  },
  {
    id: 'mp-fail-answer',
    fits: (packet) => packet.from === 'server' && packet.option('MP_FAIL') !== undefined,
    title: 'The other direction falls back too',
    text: () => 'The server agrees with an MP_FAIL of its own: one direction alone cannot fall back.',
    source: fallback,
    field: 'MP_FAIL',
  },
  {
    id: 'infinite',
    fits: (packet) => packet.from === 'server' && mappingOf(packet)?.dataLength === 0,
    title: 'The infinite mapping',
    text: () =>
      'A mapping of length 0: from here to the end the bytes of the subflow are the bytes of the connection, in their order. After it no DSS is needed, and the box may change what it likes, as it might with TCP.',
    source: fallback,
    field: 'data-level length',
  },
];

export const fallBack: Lesson = {
  id: 'fall-back',
  title: 'Fall-back',
  forms: [
    {
      id: 'stripped',
      name: 'a box strips options',
      intro:
        'Not every box on the way lets an option pass that it does not know. Multipath TCP must never be worse than TCP: where it cannot work, the connection goes on as plain TCP, and the application is none the wiser. Here the option is lost in the SYN.',
      script: stripped,
      captions: strippedCaptions,
    },
    {
      id: 'rewritten',
      name: 'now a box that changes payload',
      intro:
        'The handshake succeeds, and then a gateway changes a byte of the data, as those for FTP or SIP did. With checksums the receiver notices. On the only subflow that there is, the answer is MP_FAIL, and then an infinite mapping.',
      script: rewritten,
      captions: rewrittenCaptions,
    },
  ],
  question:
    'A box that changes a byte makes the connection fall back. Why is that byte not sent again instead?',
  answer:
    'It would come to the same end: the box would change it again. A box like that was put there to change payload, and with plain TCP the application would have got the changed bytes as well. So the receiver hands them over, and the connection does from there on what TCP does.',
  tryText:
    'The same box on Wi-Fi with LTE beside it: the connection begins where the option is stripped, so LTE is never joined.',
  scenario: 'seed=6&path=Wi-Fi,20M,10ms,0%,100k,strip-capable-syn&path=LTE,12M,35ms,0%,100k&traffic=bulk,5M',
};

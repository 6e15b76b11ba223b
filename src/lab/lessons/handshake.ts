/** How a connection begins. Read first: RFC 8684 §3.1, RFC 6824 §3.1. */
import { MILLISECOND } from '../../base/index.js';
import { bareAck, hex32, hex64, isSyn, isSynAck, mappedText, mappingOf } from './words.js';
import type { Caption, Lesson, LessonScript } from './model.js';
import { FULL_SEGMENT_BYTES } from './lesson-world.js';
import { wifi } from './places.js';

const script: LessonScript = {
  seed: 11,
  paths: [wifi],
  answer: [{ afterNs: 0, bytes: 2 * FULL_SEGMENT_BYTES }],
  untilNs: 200 * MILLISECOND,
};

const capable = 'RFC 8684 §3.1';
const capable0 = 'RFC 6824 §3.1';

const answered: readonly Caption[] = [
  {
    id: 'answer',
    fits: (packet) => packet.from === 'server' && mappingOf(packet) !== undefined,
    title: 'From now on each mapping is a DSS',
    text: (packet, facts) =>
      `The first of the server's data: ${mappedText(packet, facts)}, counted from its own initial data sequence number. The option says both where the data stands in the connection and where in this subflow.`,
    source: 'RFC 8684 §3.3.1',
    field: 'DSS',
  },
];

const captions: readonly Caption[] = [
  {
    id: 'syn',
    fits: (packet) => isSyn(packet) && packet.option('MP_CAPABLE') !== undefined,
    title: 'The client asks',
    text: (packet) =>
      `An ordinary SYN with one more option. It names version ${packet.option('MP_CAPABLE')!.version} and holds no key: whoever does not know the option answers as if it were not there.`,
    source: capable,
    field: 'MP_CAPABLE',
  },
  {
    id: 'syn-ack',
    fits: (packet) => isSynAck(packet) && packet.option('MP_CAPABLE')?.senderKey !== undefined,
    title: 'The server agrees, and gives its key',
    text: (_, { server }) =>
      `The server's key is ${hex64(server!.key)}. Its SHA-256 begins with ${hex32(server!.token)}: that is the token by which further subflows name this connection. The last 64 bits of the same hash are the server's initial data sequence number, ${server!.initialDataSeq}.`,
    source: capable,
    field: "sender's key",
  },
  {
    id: 'third',
    fits: (packet) => packet.from === 'client' && packet.option('MP_CAPABLE')?.receiverKey !== undefined,
    title: 'The client gives its key and sends the other back',
    text: (packet, { client }) => {
      const length = packet.option('MP_CAPABLE')?.dataLength;
      const data =
        length === undefined ? '' : ` It has data already, and the option itself maps those ${length} bytes.`;
      return `The client's key is ${hex64(client!.key)}. With both keys in one packet a server that kept nothing of the SYN can begin here.${data} Until the client hears a DSS it repeats the option: the server must have both keys.`;
    },
    source: capable,
    field: "receiver's key",
  },
  {
    id: 'first-dss',
    fits: (packet) => packet.from === 'server' && bareAck(packet)?.dataAck !== undefined,
    title: 'A DSS completes the handshake',
    text: () =>
      'The DATA_ACK says that the request has come at the level of the data, and with it that the server has both keys. Only now may the client open further subflows.',
    source: capable,
    field: 'DATA_ACK',
  },
  ...answered,
];

const captions0: readonly Caption[] = [
  {
    id: 'syn-0',
    fits: (packet) => isSyn(packet) && packet.option('MP_CAPABLE')?.version === 0,
    title: 'The key stands in the SYN',
    text: (_, { client }) =>
      `Version 0 sends the client's key at once, ${hex64(client!.key)}. Whatever sees the SYN sees the key, and a server has to keep it from here on. The token is taken from SHA-1: ${hex32(client!.token)}.`,
    source: capable0,
    field: "sender's key",
  },
  {
    id: 'syn-ack-0',
    fits: (packet) => isSynAck(packet) && packet.option('MP_CAPABLE')?.version === 0,
    title: 'The server answers with its own',
    text: (_, { server }) => `The server's key is ${hex64(server!.key)}, its token ${hex32(server!.token)}.`,
    source: capable0,
    field: "sender's key",
  },
  {
    id: 'third-0',
    fits: (packet) => packet.from === 'client' && packet.option('MP_CAPABLE')?.receiverKey !== undefined,
    title: 'Both keys once more, without data',
    text: () =>
      'The third packet repeats both keys. It has no room for a mapping: the data follows in a packet of its own, with a DSS.',
    source: capable0,
    field: "receiver's key",
  },
  {
    id: 'first-dss-0',
    fits: (packet) => packet.from === 'client' && mappingOf(packet) !== undefined,
    title: 'The request, mapped by a DSS',
    text: (packet, facts) =>
      `It carries ${mappedText(packet, facts)} of the client's data. In version 1 MP_CAPABLE did that: nothing had to be sent twice for a server without memory.`,
    source: 'RFC 6824 §3.3.1',
    field: 'DSS',
  },
  ...answered,
];

export const handshake: Lesson = {
  id: 'handshake',
  title: 'Handshake',
  forms: [
    {
      id: 'version-1',
      name: 'version 1',
      intro:
        'A connection begins as one of TCP does, with SYN, SYN+ACK and ACK. One option in each, MP_CAPABLE, exchanges two keys. All that makes several subflows one connection follows from them: the token that names it, the numbers that its data begins with, and the proofs of those who join.',
      script,
      captions,
    },
    {
      id: 'version-0',
      name: 'now with version 0',
      intro:
        'The same connection in the experimental version 0, which deployed servers still speak. The keys come a packet earlier, and the hash is SHA-1. Compare where the first data is mapped.',
      script: { ...script, version: 0 },
      captions: captions0,
    },
  ],
  question: "Why does the client send the server's own key back to it?",
  answer:
    'So that the server need not remember it. Under a flood of SYNs a server answers with a cookie in its sequence number and keeps nothing (RFC 4987). The third packet then has to bring everything that the connection is made of, and the server checks that the key is one that it would have given. For the same reason MP_CAPABLE is repeated with the first data: the third packet may be lost.',
  tryText:
    'A satellite and a DSL line, and twenty short answers: the handshake costs a round trip of the path it is made on before the first byte.',
  scenario: 'seed=2&path=Satellite,10M,280ms,0%,500k&path=DSL,6M,18ms,0%,100k&traffic=requests,20,10k,50ms',
};

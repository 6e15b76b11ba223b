/** How data finds its order over several subflows. Read first: RFC 8684 §3.3. */
import { MILLISECOND } from '../../base/index.js';
import { hex16, awaitedText, bareAck, isFin, mappedText, mappingOf } from './words.js';
import { FULL_SEGMENT_BYTES } from './lesson-world.js';
import type { Caption, Lesson, LessonScript } from './model.js';
import { cellular, wifi } from './places.js';

const script: LessonScript = {
  seed: 13,
  paths: [wifi, cellular],
  scheduler: 'round-robin',
  answer: [{ afterNs: 200 * MILLISECOND, bytes: 6 * FULL_SEGMENT_BYTES }],
  closes: true,
  fromNs: 200 * MILLISECOND,
  untilNs: 500 * MILLISECOND,
};

const mapping = 'RFC 8684 §3.3.1';

const captions: readonly Caption[] = [
  {
    id: 'first-mapping',
    fits: (packet) => packet.path === 0 && packet.from === 'server' && mappingOf(packet) !== undefined,
    title: 'Two numbers for one byte',
    text: (packet, facts) => {
      const { dataSeq, subflowSeq } = mappingOf(packet)!;
      return `The TCP header counts within the subflow, as ever. The mapping adds where that stands in the data: from ${subflowSeq} of the subflow on come ${mappedText(packet, facts)} of the connection. On the wire the first of them is number ${dataSeq.value}; the diagram counts from the server's initial number.`;
    },
    source: mapping,
    field: 'data sequence number',
  },
  {
    id: 'second-path',
    fits: (packet) => packet.path === 1 && packet.from === 'server' && mappingOf(packet) !== undefined,
    title: 'The next bytes take the other path',
    text: (packet, facts) =>
      `The scheduler gave ${mappedText(packet, facts)} to LTE. In this subflow they begin at ${mappingOf(packet)!.subflowSeq}: its own sequence numbers have no hole, whatever the other carries. That is why middleboxes that watch for holes let them pass.`,
    source: mapping,
    field: 'subflow sequence number',
  },
  {
    id: 'third-mapping',
    fits: (packet) =>
      packet.path === 0 && packet.from === 'server' && (mappingOf(packet)?.subflowSeq ?? 0) > 1,
    title: 'A hole in the data, none in the subflow',
    text: (packet, facts) =>
      `Back on Wi-Fi: ${mappedText(packet, facts)}. What lies between was sent over LTE and takes longer, so this waits in the receiver's out-of-order queue.`,
    source: 'RFC 8684 §3.3.4',
    field: 'data sequence number',
  },
  {
    id: 'early-ack',
    fits: (packet) => packet.path === 0 && packet.from === 'client' && bareAck(packet)?.dataAck !== undefined,
    title: 'Acknowledged twice, at two levels',
    text: (packet, facts) =>
      `The acknowledgement number says what came on this subflow. The DATA_ACK says what came of the data without a hole: the client waits for ${awaitedText(packet, facts)}. The sender may forget a byte only when the DATA_ACK has passed it.`,
    source: 'RFC 8684 §3.3.2',
    field: 'DATA_ACK',
  },
  {
    id: 'data-fin',
    fits: (packet) => packet.from === 'server' && packet.option('DSS')?.dataFin === true,
    title: 'The end of the data',
    text: (packet, facts) =>
      `DATA_FIN takes one data sequence number behind the last byte and is acknowledged like data. The mapping covers ${mappedText(packet, facts)} and the DATA_FIN. It ends what the server sends, not the subflow it came on.`,
    source: 'RFC 8684 §3.3.3',
    field: 'DSS',
  },
  {
    id: 'late-ack',
    fits: (packet) => packet.path === 1 && packet.from === 'client' && bareAck(packet)?.dataAck !== undefined,
    title: 'LTE has filled the hole',
    text: (packet, facts) =>
      `What came over LTE closes the holes, and the queue empties: the DATA_ACK is at ${awaitedText(packet, facts)}. It may be said on any subflow; the highest counts.`,
    source: 'RFC 8684 §3.3.2',
    field: 'DATA_ACK',
  },
  {
    id: 'fin',
    fits: isFin,
    title: 'Then each subflow ends as TCP does',
    text: () =>
      'When both DATA_FINs are acknowledged the subflows are closed one by one, each with its own FINs.',
    source: 'RFC 8684 §3.3.3',
    field: 'flags',
  },
];

const checksums: readonly Caption[] = [
  {
    id: 'checksum',
    fits: (packet) => packet.from === 'server' && mappingOf(packet)?.checksum !== undefined,
    title: 'A checksum over the mapping and its bytes',
    text: (packet, facts) =>
      `${hex16(mappingOf(packet)!.checksum!)} covers ${mappedText(packet, facts)}, their data sequence number, their place in the subflow and their length. TCP's own checksum cannot find a box that changes the payload: such a box computes that one anew.`,
    source: mapping,
    field: 'DSS/checksum',
  },
  ...captions.slice(1),
];

export const dataSequence: Lesson = {
  id: 'data',
  title: 'Data sequence',
  forms: [
    {
      id: 'two-paths',
      name: 'as it is',
      intro:
        'Two subflows carry one answer. Each has its own sequence numbers; the data has numbers of its own above them, and the option DSS says with each piece how the two go together. Here the scheduler deals segments out in turn, so that the slower path makes holes to look at.',
      script,
      captions,
    },
    {
      id: 'checksums',
      name: 'now with DSS checksums',
      intro:
        'The same answer to a client that requires DSS checksums (flag A of its MP_CAPABLE): both hosts then have one in every mapping. They cost time for each byte, and find the boxes that rewrite payload.',
      script: { ...script, checksum: true },
      captions: checksums,
    },
  ],
  question: 'Could the data sequence number stand in the TCP header, and the subflows leave holes?',
  answer:
    'On a clean network, yes. But firewalls and normalisers hold back what lies behind a hole in a subflow, or drop it, and translators of sequence numbers would have to know (Raiciu et al., NSDI 2012). With two levels each subflow looks like an ordinary connection, and a retransmission on the subflow need not tell where the data went.',
  tryText:
    'Dealing out in turn over unlike paths, and a small window: watch the out-of-order queue, and data that is reinjected because it blocks the window.',
  scenario:
    'seed=4&path=Wi-Fi,20M,10ms,0%,100k&path=LTE,4M,80ms,0%,200k&scheduler=round-robin&window=100k&traffic=bulk,5M',
};

/** How a subflow is added. Read first: RFC 8684 §3.2. */
import { MILLISECOND } from '../../base/index.js';
import type { Caption, Lesson, LessonScript } from './model.js';
import { cellular, wifi } from './places.js';
import { bareAck, hex32, hexBytes, isSyn, isSynAck } from './words.js';

const script: LessonScript = {
  seed: 12,
  paths: [wifi, cellular],
  answer: [],
  untilNs: 250 * MILLISECOND,
};

const source = 'RFC 8684 §3.2';

const captions: readonly Caption[] = [
  {
    id: 'first',
    fits: (packet) => isSyn(packet) && packet.option('MP_CAPABLE') !== undefined,
    title: 'First there is a connection',
    text: () => 'Over the first path, as in the step before. Its keys never cross the second path.',
    source: 'RFC 8684 §3.1',
    field: 'MP_CAPABLE',
  },
  {
    id: 'may-join',
    fits: (packet) => packet.from === 'server' && packet.path === 0 && bareAck(packet)?.dataAck !== undefined,
    title: 'The server has both keys',
    text: () =>
      'Before this DSS the client could not know that, and a SYN on the other path might have come before the keys.',
    source: 'RFC 8684 §3.1',
    field: 'DATA_ACK',
  },
  {
    id: 'join-syn',
    fits: (packet) => isSyn(packet) && packet.option('MP_JOIN') !== undefined,
    title: 'A SYN that names the connection',
    text: (packet, { server }) => {
      const join = packet.option('MP_JOIN')!;
      const backup =
        join.phase === 'syn' && join.backup
          ? ' Flag B asks for a backup: data only when no other subflow can carry it.'
          : '';
      const id = join.phase === 'syn' ? join.addressId : 0;
      return `Another address, another path, ports of its own: only the token tells the server which connection is meant. ${hex32(server!.token)} is the beginning of the hash of the server's key. The client calls its address ${id}.${backup}`;
    },
    source,
    field: 'token',
  },
  {
    id: 'join-syn-ack',
    fits: (packet) => isSynAck(packet) && packet.option('MP_JOIN') !== undefined,
    title: 'The server proves that it has the keys',
    text: (packet) => {
      const join = packet.option('MP_JOIN')!;
      const proof = join.phase === 'synack' ? hexBytes(join.hmac) : '';
      return `HMAC-SHA256 under both keys, the server's first, over both random numbers, the server's first; the option has the first 64 bits: ${proof}. Who has only seen the token cannot compute it.`;
    },
    source,
    field: 'HMAC',
  },
  {
    id: 'join-ack',
    fits: (packet) => packet.from === 'client' && packet.option('MP_JOIN')?.phase === 'ack',
    title: 'And so does the client',
    text: () =>
      "The same with the client's key and number first, so that neither proof can be sent back as the other. The packet is sent again until it is answered: without it the subflow does not exist.",
    source,
    field: 'HMAC',
  },
  {
    id: 'join-done',
    fits: (packet) => packet.from === 'server' && packet.path === 1 && bareAck(packet) !== undefined,
    title: 'A fourth packet opens the subflow',
    text: () =>
      'The third packet of a TCP handshake is not acknowledged, but the proof must have come. Only after this ACK may the client send data here.',
    source,
    field: 'acknowledgement number',
  },
];

export const join: Lesson = {
  id: 'join',
  title: 'Join',
  forms: [
    {
      id: 'regular',
      name: 'a regular subflow',
      intro:
        'The client has a second address. It opens a second subflow from there to the same server: again SYN, SYN+ACK and ACK, with MP_JOIN in each. The token says which connection is meant; two proofs show that both ends have the keys, which are not sent again.',
      script,
      captions,
    },
    {
      id: 'backup',
      name: 'now as a backup',
      intro:
        'The same join by a client that pays for LTE: flag B says that the subflow is there for when the other fails. It is only a request; each host has its say over what it sends. MP_PRIO changes it later.',
      script: { ...script, paths: [wifi, { ...cellular, isBackup: true }] },
      captions,
    },
  ],
  question: 'Somebody on the Wi-Fi path has seen the whole first handshake. Can they join the connection?',
  answer:
    'Yes: the keys were sent in the clear there, and the proofs need nothing else. What the design keeps out is everybody who has not seen the first handshake, also those who sit on the second path and read the token and the random numbers. That is no worse than TCP, where who sees the packets can take part too (RFC 6181 has the comparison).',
  tryText:
    'A box on LTE that takes MP_JOIN out of SYNs: the server answers a SYN that belongs to nothing, the client resets it, and all data stays on Wi-Fi.',
  scenario: 'seed=3&path=Wi-Fi,20M,10ms,0%,100k&path=LTE,12M,35ms,0%,100k,strip-join-syn&traffic=bulk,5M',
};

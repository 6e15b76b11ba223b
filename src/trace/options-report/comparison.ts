/**
 * What is unusual about a packet of a handshake beside those before it: options that vanish when it is sent again, answers to
 * what was not offered, keys that do not repeat.
 * Read first: RFC 8684 §3.1 and §3.2, RFC 7323 §1.3 and §2.2, RFC 9293 §3.1.
 */
import { type MpCapable, TcpFlag } from '../../wire/index.js';
import type { HandshakePacket } from '../handshake-packet.js';
import { type HeaderOptions, mptcpOf, type PlacedOption } from './header-options.js';
import { note, type OptionNote } from './model.js';
import { tcpKindName } from './option-text.js';

/** A packet with its options. */
export interface ReadPacket {
  readonly packet: HandshakePacket;
  readonly flags: number;
  readonly header: HeaderOptions;
}

/** Kinds that may answer an offer of the SYN only: window scale, SACK permitted, timestamps. */
const ANSWERS = [3, 4, 8] as const;

/** Notes on `read`, which came after `earlier`. */
export function compare(read: ReadPacket, earlier: readonly ReadPacket[]): OptionNote[] {
  const { packet, header } = read;
  const notes = headerNotes(read);
  const { role, isFromOpener } = packet;
  const repeated = earlier.findLast(
    (other) =>
      other.packet.role === role &&
      other.packet.isFromOpener === isFromOpener &&
      (role === 'syn' || role === 'syn-ack'),
  );
  if (repeated !== undefined) notes.push(...repetitionNotes(header.options, repeated));
  const syn = earlier.findLast((other) => other.packet.role === 'syn');
  const synAck = earlier.findLast((other) => other.packet.role === 'syn-ack');
  if (role === 'syn-ack' && syn !== undefined) notes.push(...answerNotes(read, syn));
  if (role === 'third' && syn !== undefined && synAck !== undefined) {
    notes.push(...thirdNotes(read, syn, synAck));
  }
  if (
    role === 'syn' &&
    packet.payloadLength > 0 &&
    !header.options.some(({ option }) => option.kind === 'fast-open')
  ) {
    notes.push(
      note('info', `${packet.payloadLength} bytes of data without Fast Open: the receiver may drop them`),
    );
  }
  return notes;
}

/** What the header shows by itself. */
function headerNotes({ packet, flags, header }: ReadPacket): OptionNote[] {
  const notes: OptionNote[] = [];
  const { options, overrunAt, strayAt } = header;
  if (overrunAt >= 0) {
    notes.push(
      note(
        'warning',
        `the option at byte ${overrunAt} overruns the header: it and all behind it is lost to the receiver`,
      ),
    );
  }
  if (strayAt >= 0)
    notes.push(note('info', `bytes stand behind the end of the options, from byte ${strayAt} on`));
  const twice = options.filter(({ option }, index) =>
    options.some((other, place) => place < index && isSameKind(other.option, option)),
  );
  for (const { kind, offset } of twice) {
    notes.push(note('warning', `${tcpKindName(kind)} stands there twice, again at byte ${offset}`));
  }
  const mss = options.findIndex(({ option }) => option.kind === 'mss');
  if ((flags & TcpFlag.SYN) !== 0 && mss > 0) {
    notes.push(
      note(
        'info',
        'the MSS is not the first option, as it is with nearly every system: a box may have added it',
      ),
    );
  }
  if ((packet.header[12]! & 0x0e) !== 0)
    notes.push(note('warning', 'reserved bits of the TCP header are set'));
  return notes;
}

/** Options that a header has once; a segment may have several of Multipath TCP, each of its own subtype. */
function isSameKind(one: PlacedOption['option'], other: PlacedOption['option']): boolean {
  if (one.kind === 'mptcp' && other.kind === 'mptcp') return one.option.subtype === other.option.subtype;
  if (one.kind === 'unknown' && other.kind === 'unknown') return one.number === other.number;
  return one.kind === other.kind && one.kind !== 'malformed';
}

function repetitionNotes(options: readonly PlacedOption[], before: ReadPacket): OptionNote[] {
  return before.header.options
    .filter(({ kind }) => !options.some((other) => other.kind === kind))
    .map(({ kind }) =>
      note(
        kind === 30 ? 'warning' : 'info',
        `sent again without ${tcpKindName(kind)}, which frame ${before.packet.packet} had`,
      ),
    );
}

function answerNotes({ header }: ReadPacket, syn: ReadPacket): OptionNote[] {
  const notes: OptionNote[] = [];
  for (const kind of ANSWERS) {
    const isThere = header.options.some((option) => option.kind === kind);
    const wasOffered = syn.header.options.some((option) => option.kind === kind);
    if (isThere && !wasOffered) {
      notes.push(
        note('warning', `${tcpKindName(kind)} answers what the SYN did not offer: it is not in force`),
      );
    }
  }
  notes.push(...mssNotes(header, syn.header));
  for (const subtype of ['MP_CAPABLE', 'MP_JOIN'] as const) {
    const offered = mptcpOf(syn.header.options, subtype);
    const answer = mptcpOf(header.options, subtype);
    if (offered === undefined && answer !== undefined) {
      notes.push(note('warning', `${subtype} answers a SYN without it`));
    } else if (offered !== undefined && answer === undefined) {
      notes.push(note('info', `no ${subtype}, which the SYN had`));
    }
  }
  notes.push(...capableAnswerNotes(capableOf(header), capableOf(syn.header)));
  return notes;
}

function capableAnswerNotes(answer: MpCapable | undefined, offer: MpCapable | undefined): OptionNote[] {
  if (answer === undefined || offer === undefined) return [];
  const notes: OptionNote[] = [];
  if (answer.senderKey === undefined || answer.senderKey === offer.senderKey) {
    notes.push(
      note(
        'warning',
        'MP_CAPABLE is the one of the SYN, sent back as it came: whoever answered does not know it',
      ),
    );
  }
  if (answer.version < offer.version) {
    notes.push(note('info', `answers version ${offer.version} with version ${answer.version}`));
  } else if (answer.version > offer.version) {
    notes.push(
      note('warning', `answers version ${offer.version} with version ${answer.version}, which it may not`),
    );
  }
  return notes;
}

/** Both ends of a plain path state the same; half of all that differ are clamped by a box. */
function mssNotes(answer: HeaderOptions, syn: HeaderOptions): OptionNote[] {
  const [own, other] = [mssOf(answer), mssOf(syn)];
  if (own === null || other === null || own === other) return [];
  return [
    note(
      'info',
      `MSS ${own} against ${other} of the SYN: the interfaces differ, or a box on the path lowers one of them`,
    ),
  ];
}

function thirdNotes({ header }: ReadPacket, syn: ReadPacket, synAck: ReadPacket): OptionNote[] {
  const notes: OptionNote[] = [];
  for (const subtype of ['MP_CAPABLE', 'MP_JOIN'] as const) {
    const isAgreed =
      mptcpOf(syn.header.options, subtype) !== undefined &&
      mptcpOf(synAck.header.options, subtype) !== undefined;
    if (isAgreed && mptcpOf(header.options, subtype) === undefined) {
      notes.push(note('info', `no ${subtype}, which SYN and SYN+ACK had`));
    }
  }
  const third = capableOf(header);
  const answer = capableOf(synAck.header);
  if (
    third?.receiverKey !== undefined &&
    answer?.senderKey !== undefined &&
    third.receiverKey !== answer.senderKey
  ) {
    notes.push(note('warning', "the receiver's key is not the one of the SYN+ACK"));
  }
  const offered = capableOf(syn.header)?.senderKey;
  if (third?.senderKey !== undefined && offered !== undefined && third.senderKey !== offered) {
    notes.push(note('warning', "the sender's key is not the one of the SYN"));
  }
  return notes;
}

/** MP_CAPABLE of a header. */
export function capableOf({ options }: HeaderOptions): MpCapable | undefined {
  const option = mptcpOf(options, 'MP_CAPABLE')?.option;
  return option?.kind === 'mptcp' && option.option.subtype === 'MP_CAPABLE' ? option.option : undefined;
}

/** MSS of a header; null without. */
export function mssOf({ options }: HeaderOptions): number | null {
  for (const { option } of options) if (option.kind === 'mss') return option.mss;
  return null;
}

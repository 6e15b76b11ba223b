/** A packet of a lesson, read: what captions and labels go by. */
import { type MptcpOption, parseDatagram, parseTcpPacket, type TcpPacket } from '../../wire/index.js';
import type { LessonSide } from './model.js';

/** An option of Multipath TCP by its name. */
type OptionNamed<Name extends MptcpOption['subtype']> = Extract<MptcpOption, { readonly subtype: Name }>;

export class ReadPacket {
  readonly from: LessonSide;
  readonly path: number;
  readonly tcp: TcpPacket;
  readonly options: readonly MptcpOption[];

  constructor(from: LessonSide, path: number, tcp: TcpPacket) {
    this.from = from;
    this.path = path;
    this.tcp = tcp;
    this.options = tcp.options.flatMap((option) => (option.kind === 'mptcp' ? [option.option] : []));
  }

  /** The option of this name, if the packet has one. */
  option<Name extends MptcpOption['subtype']>(name: Name): OptionNamed<Name> | undefined {
    return this.options.find((option): option is OptionNamed<Name> => option.subtype === name);
  }

  /** Whether all of these flags are set. */
  has(flags: number): boolean {
    return (this.tcp.flags & flags) === flags;
  }

  get payloadBytes(): number {
    return this.tcp.payload.length;
  }
}

/** Reads an IP packet; undefined when it is no TCP. */
export function readPacket(bytes: Uint8Array, from: LessonSide, path: number): ReadPacket | undefined {
  const datagram = parseDatagram(bytes, 0, bytes.length);
  if (!datagram.ok) return undefined;
  const { payload } = datagram.value;
  const tcp = parseTcpPacket(payload, 0, payload.length);
  return tcp.ok ? new ReadPacket(from, path, tcp.value) : undefined;
}

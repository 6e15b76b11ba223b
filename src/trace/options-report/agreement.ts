/**
 * What is in force once a handshake is over: of what one host offers, what the other took up.
 * Read first: RFC 8684 §3.1, RFC 7323 §2.2 and §3.2, RFC 2018 §2, RFC 7413 §4.1.3.
 */
import type { ConnectionReport } from '../report.js';
import { mssOf, type ReadPacket } from './comparison.js';
import { mptcpOf } from './header-options.js';
import type { AgreedOptions } from './model.js';

const MOST_SHIFT = 14;

/** What the packets of a subflow agreed on. */
export function agreementOf(connection: ConnectionReport, packets: readonly ReadPacket[]): AgreedOptions {
  const syn = packets.findLast(({ packet }) => packet.role === 'syn');
  const synAck = packets.findLast(({ packet }) => packet.role === 'syn-ack');
  const isOpenerClient = (syn ?? synAck)?.packet.sender === (syn === undefined ? 'server' : 'client');
  const opener = syn === undefined ? null : mssOf(syn.header);
  const other = synAck === undefined ? null : mssOf(synAck.header);
  const hasPair = syn !== undefined && synAck !== undefined;
  const isMultipath =
    connection.protocol === 'mptcp' && !connection.fallback && !(hasPair && isJoinLost(syn, synAck));
  return {
    version: isMultipath ? connection.version : null,
    checksum: isMultipath ? connection.checksum : null,
    ...widthsOf(packets),
    clientMss: isOpenerClient ? opener : other,
    serverMss: isOpenerClient ? other : opener,
    windowScale: hasPair ? scaleOf(syn, synAck, isOpenerClient) : null,
    sack: hasPair ? has(syn, 'sack-permitted') && has(synAck, 'sack-permitted') : null,
    timestamps: hasPair ? has(syn, 'timestamps') && has(synAck, 'timestamps') : null,
    fastOpen: hasPair ? fastOpenOf(syn, synAck) : null,
  };
}

/** Whether a join was answered without MP_JOIN: the subflow then is none (RFC 8684 §3.2). */
function isJoinLost(syn: ReadPacket, synAck: ReadPacket): boolean {
  const isJoin = ({ header }: ReadPacket): boolean => mptcpOf(header.options, 'MP_JOIN') !== undefined;
  return isJoin(syn) && !isJoin(synAck);
}

function has({ header }: ReadPacket, kind: string): boolean {
  return header.options.some(({ option }) => option.kind === kind);
}

function shiftOf({ header }: ReadPacket): number | undefined {
  for (const { option } of header.options) {
    if (option.kind === 'window-scale') return Math.min(option.shift, MOST_SHIFT);
  }
  return undefined;
}

function scaleOf(syn: ReadPacket, synAck: ReadPacket, isOpenerClient: boolean): AgreedOptions['windowScale'] {
  const opener = shiftOf(syn);
  const other = shiftOf(synAck);
  if (opener === undefined || other === undefined) return null;
  return isOpenerClient ? { client: opener, server: other } : { client: other, server: opener };
}

function fastOpenOf(syn: ReadPacket, synAck: ReadPacket): AgreedOptions['fastOpen'] {
  const { options } = syn.header;
  const asked = options.find(({ option }) => option.kind === 'fast-open')?.option;
  if (asked?.kind !== 'fast-open') return 'not asked for';
  if (asked.cookie.length > 0 && syn.packet.payloadLength > 0) return 'data in the SYN';
  return has(synAck, 'fast-open') ? 'cookie given' : 'cookie requested';
}

function widthsOf(packets: readonly ReadPacket[]): Pick<AgreedOptions, 'dataSeqBits' | 'dataAckBits'> {
  const seq = new Set<32 | 64>();
  const ack = new Set<32 | 64>();
  for (const { header } of packets) {
    for (const { option } of header.options) {
      if (option.kind !== 'mptcp' || option.option.subtype !== 'DSS') continue;
      const { mapping, dataAck } = option.option;
      if (mapping !== undefined) seq.add(mapping.dataSeq.bits);
      if (dataAck !== undefined) ack.add(dataAck.bits);
    }
  }
  return { dataSeqBits: widthOf(seq), dataAckBits: widthOf(ack) };
}

function widthOf(seen: ReadonlySet<32 | 64>): 32 | 64 | 'mixed' | null {
  if (seen.size > 1) return 'mixed';
  const [only] = seen;
  return only ?? null;
}

/** A packet in a few words, as a ladder has room for. Data is counted from the first byte of its sender's, which is 1. */
import { formatCount } from '../../base/index.js';
import { type Dss, TcpFlag } from '../../wire/index.js';
import { dataPlace, type LessonFacts } from './facts.js';
import type { LessonSide } from './model.js';
import type { ReadPacket } from './read-packet.js';

export function labelOf(packet: ReadPacket, facts: LessonFacts): string {
  const flags = flagText(packet);
  const words = optionWords(packet, facts);
  if (words === '') return plainText(packet, flags);
  return flags === '' ? words : `${flags}, ${words}`;
}

/** The flags that say what the segment is; ACK alone goes without saying. */
function flagText(packet: ReadPacket): string {
  if (packet.has(TcpFlag.SYN)) return packet.has(TcpFlag.ACK) ? 'SYN+ACK' : 'SYN';
  if (packet.has(TcpFlag.RST)) return 'RST';
  return packet.has(TcpFlag.FIN) ? 'FIN' : '';
}

function plainText({ payloadBytes }: ReadPacket, flags: string): string {
  const data = payloadBytes > 0 ? `${formatCount(payloadBytes)} bytes` : '';
  return [flags, data].filter((part) => part !== '').join(', ') || 'ACK';
}

function optionWords(packet: ReadPacket, facts: LessonFacts): string {
  const capable = packet.option('MP_CAPABLE');
  if (capable !== undefined) {
    const { dataLength } = capable;
    return dataLength === undefined ? 'MP_CAPABLE' : `MP_CAPABLE, data ${rangeText(1, dataLength)}`;
  }
  if (packet.option('MP_JOIN') !== undefined) return 'MP_JOIN';
  const other = packet.options.find(({ subtype }) => subtype !== 'DSS');
  if (other !== undefined) return other.subtype;
  const dss = packet.option('DSS');
  return dss === undefined ? '' : dssText(dss, packet.from, facts);
}

function dssText({ mapping, dataFin, dataAck }: Dss, from: LessonSide, facts: LessonFacts): string {
  if (mapping !== undefined) {
    if (mapping.dataLength === 0) return 'infinite mapping';
    const first = dataPlace(mapping.dataSeq, facts[from]) ?? 0;
    const length = mapping.dataLength - (dataFin ? 1 : 0);
    if (length === 0) return 'DATA_FIN';
    return `data ${rangeText(first, first + length - 1)}${dataFin ? ', DATA_FIN' : ''}`;
  }
  if (dataAck === undefined) return 'DSS';
  const place = dataPlace(dataAck, facts[otherSide(from)]);
  return place === undefined ? 'DATA_ACK' : `DATA_ACK ${formatCount(place)}`;
}

export function otherSide(side: LessonSide): LessonSide {
  return side === 'client' ? 'server' : 'client';
}

/** `1–1,420`. */
export function rangeText(first: number, last: number): string {
  return `${formatCount(first)}–${formatCount(last)}`;
}

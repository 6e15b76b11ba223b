/** What captions are made of: which packet is meant, and numbers as they stand in it. */
import { formatCount } from '../../base/index.js';
import { type Dss, type DssMapping, TcpFlag } from '../../wire/index.js';
import { dataPlace, type LessonFacts } from './facts.js';
import { otherSide, rangeText } from './label.js';
import type { ReadPacket } from './read-packet.js';

export function isSyn(packet: ReadPacket): boolean {
  return packet.has(TcpFlag.SYN) && !packet.has(TcpFlag.ACK);
}

export function isSynAck(packet: ReadPacket): boolean {
  return packet.has(TcpFlag.SYN | TcpFlag.ACK);
}

/** The mapping of the packet's DSS. */
export function mappingOf(packet: ReadPacket): DssMapping | undefined {
  return packet.option('DSS')?.mapping;
}

/** A DSS that only acknowledges. */
export function bareAck(packet: ReadPacket): Dss | undefined {
  const dss = packet.option('DSS');
  return dss?.mapping === undefined && packet.options.length === 1 && packet.payloadBytes === 0
    ? dss
    : undefined;
}

/** Where the mapped data stands: `bytes 1–1,420`. */
export function mappedText(packet: ReadPacket, facts: LessonFacts): string {
  const mapping = mappingOf(packet);
  if (mapping === undefined) return 'no data';
  const first = dataPlace(mapping.dataSeq, facts[packet.from]) ?? 0;
  const fin = packet.option('DSS')?.dataFin === true ? 1 : 0;
  return `bytes ${rangeText(first, first + mapping.dataLength - 1 - fin)}`;
}

/** The byte that the DATA_ACK waits for, counted as {@link mappedText} counts. */
export function awaitedText(packet: ReadPacket, facts: LessonFacts): string {
  const dataAck = packet.option('DSS')?.dataAck;
  const place = dataAck === undefined ? undefined : dataPlace(dataAck, facts[otherSide(packet.from)]);
  return place === undefined ? 'the next byte' : `byte ${formatCount(place)}`;
}

export function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

export function hex64(value: bigint): string {
  return `0x${value.toString(16).padStart(16, '0')}`;
}

/** Bytes as they stand there. */
export function hexBytes(bytes: Uint8Array): string {
  return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** Four digits in hexadecimal. */
export function hex16(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}

/** A FIN of a subflow. */
export function isFin(packet: ReadPacket): boolean {
  return packet.has(TcpFlag.FIN);
}

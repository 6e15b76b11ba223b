/** Each option of Multipath TCP in words, and what is unusual about it. Read first: RFC 8684 §3, RFC 6824 §3. */
import {
  type Dss,
  MpCapableFlag,
  type MpCapable,
  type MpJoin,
  type MptcpOption,
  MpTcpRstFlag,
} from '../../wire/index.js';
import { meaningOf } from '../signals.js';
import { note, type OptionNote } from './model.js';

/** Flags of MP_CAPABLE without a meaning (RFC 8684 §3.1); in version 0, C is one of them. */
const RESERVED_FLAGS = [
  ['D', 0x10],
  ['E', 0x08],
  ['F', 0x04],
  ['G', 0x02],
] as const;
const NEWEST_VERSION = 1;

/** An option in words. */
export interface Described {
  readonly text: string;
  readonly notes: readonly OptionNote[];
}

/** What an option says. */
export function describeMptcp(option: MptcpOption): Described {
  switch (option.subtype) {
    case 'MP_CAPABLE':
      return describeCapable(option);
    case 'MP_JOIN':
      return { text: joinText(option), notes: [] };
    case 'DSS':
      return { text: dssText(option), notes: dssNotes(option) };
    case 'ADD_ADDR': {
      const port = option.port === undefined ? '' : ` port ${option.port}`;
      const what = option.echo ? 'has heard of' : 'announces';
      const isBare = option.version === 1 && !option.echo && option.hmac === undefined;
      return {
        text: `${what} address ${option.addressId}: ${option.address.toString()}${port}`,
        notes: isBare ? [note('warning', 'has no proof, so the receiver must ignore it')] : [],
      };
    }
    case 'MP_TCPRST': {
      const isStrange = (option.flags & ~MpTcpRstFlag.TRANSIENT) !== 0;
      return {
        text: meaningOf(option),
        notes: isStrange ? [note('info', 'has reserved flags set')] : [],
      };
    }
    case 'UNKNOWN':
      return { text: meaningOf(option), notes: [note('warning', `subtype ${option.code} is not assigned`)] };
    case 'REMOVE_ADDR':
    case 'MP_PRIO':
    case 'MP_FAIL':
    case 'MP_FASTCLOSE':
    case 'MP_EXPERIMENTAL':
      return { text: meaningOf(option), notes: [] };
  }
}

function describeCapable(option: MpCapable): Described {
  const { version, flags, senderKey, receiverKey, dataLength } = option;
  const facts = [
    `version ${version}`,
    ...(senderKey === undefined ? ['no key yet'] : [`the sender's key ${hex64(senderKey)}`]),
    ...(receiverKey === undefined ? [] : [`the receiver's key ${hex64(receiverKey)}`]),
    ...(dataLength === undefined ? [] : [`maps the first ${dataLength} bytes of data`]),
    (flags & MpCapableFlag.CHECKSUM) === 0 ? 'asks for no checksums' : 'demands DSS checksums',
    ...(forbidsJoins(option) ? ['no subflows to this address and port, please'] : []),
  ];
  return { text: facts.join(', '), notes: capableNotes(option) };
}

/** Whether flag C is set, which version 1 has (RFC 8684 §3.1). */
export function forbidsJoins({ version, flags }: MpCapable): boolean {
  return version >= 1 && (flags & MpCapableFlag.NO_JOIN_TO_INITIAL) !== 0;
}

function capableNotes({ version, flags, senderKey, receiverKey }: MpCapable): OptionNote[] {
  const notes: OptionNote[] = [];
  const reserved: string[] = RESERVED_FLAGS.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
  if (version === 0 && (flags & MpCapableFlag.NO_JOIN_TO_INITIAL) !== 0) reserved.unshift('C');
  if (reserved.length > 0) notes.push(note('warning', `reserved flags are set: ${reserved.join(', ')}`));
  if ((flags & MpCapableFlag.EXTENSIBILITY) !== 0) {
    notes.push(note('warning', 'flag B is set: the receiver must take no notice of the option'));
  }
  if ((flags & MpCapableFlag.HMAC) === 0) {
    notes.push(note('warning', 'flag H is missing: no algorithm is named, so nobody may answer'));
  }
  if (version > NEWEST_VERSION) notes.push(note('warning', `nobody knows version ${version} yet`));
  if (senderKey !== undefined && senderKey === receiverKey) {
    notes.push(note('warning', 'both keys are the same: somebody sent the option back as it came'));
  }
  return notes;
}

function joinText(option: MpJoin): string {
  if (option.phase === 'ack') return `proof of the opener, ${hexBytes(option.hmac)}`;
  const { addressId, backup, nonce } = option;
  const role = `from address ${addressId}${backup ? ', to be a backup' : ''}, random number ${hex32(nonce)}`;
  if (option.phase === 'syn') return `joins the connection with token ${hex32(option.token)} ${role}`;
  return `agrees ${role}, proof ${hexBytes(option.hmac)}`;
}

function dssText({ dataFin, dataAck, mapping }: Dss): string {
  const facts = [
    ...(dataAck === undefined ? [] : [`DATA_ACK ${dataAck.value} (${dataAck.bits} bit)`]),
    ...(mapping === undefined ? [] : [mappingText(mapping)]),
    ...(dataFin ? ['the last data (DATA_FIN)'] : []),
  ];
  return facts.length === 0 ? 'empty' : facts.join('; ');
}

function mappingText({ dataSeq, subflowSeq, dataLength, checksum }: NonNullable<Dss['mapping']>): string {
  const number = `data number ${dataSeq.value} (${dataSeq.bits} bit)`;
  const what = dataLength === 0 ? 'all that follows' : `${dataLength} bytes`;
  const sum = checksum === undefined ? 'no checksum' : `checksum 0x${checksum.toString(16).padStart(4, '0')}`;
  return `${number} for ${what} from subflow number ${subflowSeq} on, ${sum}`;
}

function dssNotes({ dataFin, dataAck, mapping }: Dss): OptionNote[] {
  if (mapping?.dataLength === 0) return [note('warning', 'an infinite mapping: the connection falls back')];
  if (dataAck === undefined && mapping === undefined && !dataFin) return [note('info', 'says nothing')];
  return [];
}

function hex32(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, '0')}`;
}

function hex64(value: bigint): string {
  return `0x${value.toString(16).padStart(16, '0')}`;
}

/** Bytes in hexadecimal digits. */
export function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * The fields of each option of Multipath TCP. What an option says is read by the codec; the layout that follows from that is
 * written down here. Read first: RFC 8684 §3, RFC 6824 §3.
 */
import { formatCount } from '../../base/index.js';
import {
  type AddAddr,
  type Dss,
  type MpCapable,
  MpCapableFlag,
  type MpJoin,
  type MptcpOption,
  MptcpSubtype,
} from '../../wire/index.js';
import { bytesText, type Explanation, type FieldList, hexNumber, setOrNot } from './field-list.js';
import { mptcpTexts as texts } from './mptcp-texts.js';

/** What the option is there for. */
export function explainMptcp(option: MptcpOption): Explanation {
  return option.subtype === 'ADD_ADDR' && option.version === 0 ? texts.ADD_ADDR_0 : texts[option.subtype];
}

/** Adds what stands behind kind and length of the `length` bytes at `at`, which the codec has read as `option`. */
export function addMptcpFields(list: FieldList, option: MptcpOption, at: number, length: number): void {
  addSubtype(list, at);
  switch (option.subtype) {
    case 'MP_CAPABLE':
      return addCapable(list, option, at);
    case 'MP_JOIN':
      return addJoin(list, option, at);
    case 'DSS':
      return addDss(list, option, at);
    case 'ADD_ADDR':
      return addAddress(list, option, at, length);
    case 'REMOVE_ADDR':
      addReserved(list, at + 2, 0x0f);
      for (let i = 3; i < length; i++) list.number('address ID', at + i, 1, texts.removedId);
      return;
    case 'MP_PRIO':
      addReserved(list, at + 2, 0x0e);
      addBackup(list, at + 2);
      if (length > 3) list.number('address ID', at + 3, 1, texts.prioAddressId);
      return;
    case 'MP_FAIL':
      addReserved(list, at + 2, 0x0f);
      list.number('reserved', at + 3, 1, texts.reserved);
      return list.add('data sequence number', at + 4, 8, () => String(option.dataSeq), texts.failDataSeq);
    case 'MP_FASTCLOSE':
      addReserved(list, at + 2, 0x0f);
      list.number('reserved', at + 3, 1, texts.reserved);
      return list.hex("receiver's key", at + 4, 8, texts.fastcloseKey);
    case 'MP_TCPRST':
      return addReset(list, at);
    case 'MP_EXPERIMENTAL':
    case 'UNKNOWN':
      addReserved(list, at + 2, 0x0f);
      if (length > 3) list.hex('content', at + 3, length - 3, texts.body);
  }
}

/** The subtype alone, of an option that the codec could not read, and the rest of its bytes. */
export function addUnreadable(list: FieldList, at: number, length: number): void {
  if (length < 3) return;
  addSubtype(list, at);
  addReserved(list, at + 2, 0x0f);
  if (length > 3) list.hex('content', at + 3, length - 3, texts.body);
}

function addSubtype(list: FieldList, at: number): void {
  list.bits('subtype', at + 2, 1, { mask: 0xf0, value: subtypeText }, texts.subtype);
}

function subtypeText(code: number): string {
  const name = Object.entries(MptcpSubtype).find(([, number]) => number === code)?.[0];
  return name === undefined ? String(code) : `${name} (${code})`;
}

function addReserved(list: FieldList, at: number, mask: number): void {
  list.bits('reserved', at, 1, { mask, value: String }, texts.reserved);
}

function addBackup(list: FieldList, at: number): void {
  list.bits('B, backup', at, 1, { mask: 0x01, value: setOrNot }, texts.backup);
}

function addCapable(list: FieldList, option: MpCapable, at: number): void {
  list.bits('version', at + 2, 1, { mask: 0x0f, value: String }, texts.version);
  const letters = list.nested((inner) => {
    const flag = (name: string, mask: number, about: Explanation): void =>
      inner.bits(name, at + 3, 1, { mask, value: setOrNot }, about);
    flag('A, checksum required', MpCapableFlag.CHECKSUM, texts.flagA);
    flag('B, extensibility', MpCapableFlag.EXTENSIBILITY, texts.flagB);
    const c = MpCapableFlag.NO_JOIN_TO_INITIAL;
    flag('C, no joins to this address', c, option.version === 0 ? texts.flagC0 : texts.flagC);
    flag('D to G', 0x1e, texts.flagReserved);
    flag('H, algorithm', MpCapableFlag.HMAC, texts.flagH);
  });
  list.add('flags', at + 3, 1, () => flagLetters('ABCDEFGH', option.flags), texts.capableFlags, letters);
  const { senderKey, receiverKey, dataLength, checksum } = option;
  if (senderKey !== undefined) list.hex("sender's key", at + 4, 8, texts.senderKey);
  if (receiverKey !== undefined) list.hex("receiver's key", at + 12, 8, texts.receiverKey);
  if (dataLength !== undefined) {
    list.number('data-level length', at + 20, 2, texts.capableDataLength, bytesText);
  }
  if (checksum !== undefined) list.number('checksum', at + 22, 2, texts.capableChecksum, sumText);
}

/** The letters of the bits that are set, the highest bit first. */
function flagLetters(letters: string, byte: number): string {
  const set = [...letters].filter((_, index) => (byte & (1 << (letters.length - 1 - index))) !== 0);
  return set.length === 0 ? 'none' : set.join(', ');
}

function sumText(sum: number): string {
  return hexNumber(sum, 4);
}

function word(value: number): string {
  return hexNumber(value, 8);
}

function addJoin(list: FieldList, option: MpJoin, at: number): void {
  if (option.phase === 'ack') {
    addReserved(list, at + 2, 0x0f);
    list.number('reserved', at + 3, 1, texts.reserved);
    return list.hex('HMAC', at + 4, 20, texts.joinHmacAck);
  }
  addReserved(list, at + 2, 0x0e);
  addBackup(list, at + 2);
  list.number('address ID', at + 3, 1, texts.joinAddressId);
  if (option.phase === 'syn') {
    list.number('token', at + 4, 4, texts.token, word);
    return list.number('random number', at + 8, 4, texts.nonce, word);
  }
  list.hex('HMAC', at + 4, 8, texts.joinHmacSynAck);
  list.number('random number', at + 12, 4, texts.nonce, word);
}

function addDss(list: FieldList, option: Dss, at: number): void {
  addReserved(list, at + 2, 0x0f);
  const { dataAck, mapping } = option;
  const letters = list.nested((inner) => {
    const flag = (name: string, mask: number, about: Explanation): void =>
      inner.bits(name, at + 3, 1, { mask, value: setOrNot }, about);
    flag('reserved', 0xe0, texts.reserved);
    flag('F, DATA_FIN', 0x10, texts.flagF);
    flag('m, long data sequence number', 0x08, texts.flagm);
    flag('M, mapping', 0x04, texts.flagM);
    flag('a, long DATA_ACK', 0x02, texts.flaga);
    flag('A, DATA_ACK', 0x01, texts.flagA_);
  });
  const value = (): string => flagLetters('FmMaA', list.bytes[at + 3]! & 31);
  list.add('flags', at + 3, 1, value, texts.dssFlags, letters);
  let next = at + 4;
  if (dataAck !== undefined) {
    list.add('DATA_ACK', next, dataAck.bits / 8, () => String(dataAck.value), texts.dataAck);
    next += dataAck.bits / 8;
  }
  if (mapping === undefined) return;
  const { dataSeq, checksum } = mapping;
  list.add('data sequence number', next, dataSeq.bits / 8, () => String(dataSeq.value), texts.dataSeq);
  next += dataSeq.bits / 8;
  list.number('subflow sequence number', next, 4, texts.subflowSeq, formatCount);
  list.number('data-level length', next + 4, 2, texts.dataLength, mappedText);
  if (checksum !== undefined) list.number('checksum', next + 6, 2, texts.checksum, sumText);
}

function mappedText(length: number): string {
  return length === 0 ? 'infinite (0)' : bytesText(length);
}

function addAddress(list: FieldList, option: AddAddr, at: number, length: number): void {
  const { version, address, port, hmac } = option;
  if (version === 0) {
    list.bits('IP version', at + 2, 1, { mask: 0x0f, value: String }, texts.ipVersion);
  } else {
    addReserved(list, at + 2, 0x0e);
    list.bits('E, echo', at + 2, 1, { mask: 0x01, value: setOrNot }, texts.echo);
  }
  list.number('address ID', at + 3, 1, texts.addressId);
  list.add('address', at + 4, address.byteLength, () => address.toString(), texts.address);
  if (port !== undefined) list.number('port', at + 4 + address.byteLength, 2, texts.port);
  if (hmac !== undefined) list.hex('HMAC', at + length - hmac.length, hmac.length, texts.addressHmac);
}

function addReset(list: FieldList, at: number): void {
  for (const [name, mask] of [
    ['U', 8],
    ['V', 4],
    ['W', 2],
  ] as const) {
    list.bits(name, at + 2, 1, { mask, value: setOrNot }, texts.resetReserved);
  }
  list.bits('T, transient', at + 2, 1, { mask: 1, value: setOrNot }, texts.transient);
  list.number('reason', at + 3, 1, texts.reason);
}

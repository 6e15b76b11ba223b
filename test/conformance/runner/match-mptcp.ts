/** The MPTCP half of match.ts: fields that a script names, and the proofs and keys that it need not name. */
import { uint64 } from '../../../src/base/index.js';
import {
  TcpFlag,
  addAddrHmac,
  dssChecksum,
  type AddAddr,
  type Dss,
  type MpCapable,
  type MpJoin,
  type MptcpOption,
} from '../../../src/wire/index.js';
import { endpointOf } from './build.js';
import { capableFlags } from './build.js';
import type { Captured, Conversation, FlowState } from './conversation.js';
import { flagLetters } from './format.js';
import type { ScriptOption } from './script.js';

/** What an option is compared in the light of. */
export interface OptionContext {
  readonly conversation: Conversation;
  readonly flow: FlowState;
  readonly packet: Captured;
  readonly expected: ScriptOption;
}

type Mismatch = string | undefined;

function numberOf({ expected }: OptionContext, name: string): number | undefined {
  const field = expected.fields.get(name);
  return field?.kind === 'number' ? field.value : undefined;
}

function wordOf({ expected }: OptionContext, name: string): string | undefined {
  const field = expected.fields.get(name);
  return field?.kind === 'word' ? field.value : undefined;
}

function differs(what: string, expected: number | undefined, actual: number | undefined): Mismatch {
  return expected === undefined || expected === actual
    ? undefined
    : `${what} is ${actual ?? 'missing'}, not ${expected}`;
}

/** A pair of flags of the language, of which at most one is named, against the bit they stand for. */
function flagDiffers(context: OptionContext, on: string, off: string, isSet: boolean): Mismatch {
  if (context.expected.fields.has(on) && !isSet) return `it is not ${on}`;
  if (context.expected.fields.has(off) && isSet) return `it is not ${off}`;
  return undefined;
}

export function matchMptcp(context: OptionContext, actual: MptcpOption): Mismatch {
  const { conversation } = context;
  switch (actual.subtype) {
    case 'MP_CAPABLE':
      return matchCapable(context, actual);
    case 'MP_JOIN':
      return matchJoin(context, actual);
    case 'DSS':
      return matchDss(context, actual);
    case 'ADD_ADDR':
      return matchAddAddr(context, actual);
    case 'REMOVE_ADDR': {
      const wanted = context.expected.values.map((value) => (value.kind === 'number' ? value.value : -1));
      const same = wanted.length === 0 || wanted.join(' ') === actual.addressIds.join(' ');
      return same ? undefined : `it names ${actual.addressIds.join(' ')}, not ${wanted.join(' ')}`;
    }
    case 'MP_PRIO':
      return (
        flagDiffers(context, 'backup', 'regular', actual.backup) ??
        differs('the address ID', numberOf(context, 'id'), actual.addressId)
      );
    case 'MP_FAIL':
      return differs('the place', numberOf(context, 'at'), conversation.peerDataPosition(actual.dataSeq, 64));
    case 'MP_FASTCLOSE':
      return matchKey('the key', wordOf(context, 'key'), actual.receiverKey, conversation.peerKey);
    case 'MP_TCPRST':
      return (
        differs('the reason', numberOf(context, 'reason'), actual.reason) ??
        differs('the flags', numberOf(context, 'flags'), actual.flags) ??
        flagDiffers(context, 'transient', 'permanent', (actual.flags & 1) !== 0)
      );
    default:
      return undefined;
  }
}

/** A key that is there must be right, unless the script says that there is none. */
function matchKey(
  what: string,
  word: string | undefined,
  actual: bigint | undefined,
  right: bigint | undefined,
): Mismatch {
  if (word === 'none') return actual === undefined ? undefined : `${what} is there`;
  if (actual === undefined) return word === undefined ? undefined : `${what} is missing`;
  return right === undefined || actual === right ? undefined : `${what} is wrong`;
}

function matchCapable(context: OptionContext, actual: MpCapable): Mismatch {
  const { conversation, expected } = context;
  const letters = wordOf(context, 'flags');
  if (letters !== undefined && capableFlags(letters) !== actual.flags) {
    return `the flags are ${flagLetters(actual.flags)}, not ${letters}`;
  }
  if (expected.fields.get('len')?.kind === 'word' && actual.dataLength !== undefined)
    return 'it has a length';
  return (
    differs('the version', numberOf(context, 'v'), actual.version) ??
    matchKey('the key', wordOf(context, 'key'), actual.senderKey, conversation.hostKey) ??
    matchKey("the peer's key", wordOf(context, 'peer-key'), actual.receiverKey, conversation.peerKey) ??
    differs('the length', numberOf(context, 'len'), actual.dataLength) ??
    matchChecksum(context, actual.checksum, () => {
      const { payload } = context.packet.tcp;
      if (payload.length !== actual.dataLength) return undefined;
      return dssChecksum(uint64(conversation.hostDataSeq(1)), 1, payload.length, [payload]);
    })
  );
}

/** A checksum is right where it can be computed; there or not there only where the script says so. */
function matchChecksum(
  context: OptionContext,
  actual: number | undefined,
  compute: () => number | undefined,
): Mismatch {
  const word = wordOf(context, 'csum');
  if (word === 'none') return actual === undefined ? undefined : 'it has a checksum';
  if (actual === undefined) return word === undefined ? undefined : 'it has no checksum';
  const right = compute();
  return right === undefined || right === actual ? undefined : 'the checksum is wrong';
}

function matchJoin(context: OptionContext, actual: MpJoin): Mismatch {
  const { conversation, flow, packet } = context;
  if (actual.phase === 'syn') {
    if (actual.token !== conversation.peer.token) return 'the token is wrong';
  } else {
    const proof = conversation.joinProof(flow, true).slice(0, actual.hmac.length);
    if (Buffer.compare(proof, actual.hmac) !== 0) return 'the HMAC is wrong';
  }
  if (actual.phase === 'ack') return (packet.tcp.flags & TcpFlag.SYN) !== 0 ? 'it is in a SYN' : undefined;
  return (
    differs('the address ID', numberOf(context, 'id'), actual.addressId) ??
    flagDiffers(context, 'backup', 'regular', actual.backup)
  );
}

function matchAddAddr(context: OptionContext, actual: AddAddr): Mismatch {
  const { conversation, expected } = context;
  const word = wordOf(context, 'addr');
  if (word !== undefined && !endpointOf(conversation, word, 0).address.equals(actual.address)) {
    return `the address is ${actual.address.toString()}, not ${word}`;
  }
  if (expected.fields.has('echo') !== actual.echo) return actual.echo ? 'it is an echo' : 'it is no echo';
  if (expected.fields.get('port')?.kind === 'word' && actual.port !== undefined) return 'it has a port';
  const mismatch =
    differs('the address ID', numberOf(context, 'id'), actual.addressId) ??
    differs('the port', numberOf(context, 'port'), actual.port);
  if (mismatch !== undefined) return mismatch;
  if (actual.hmac === undefined) {
    const isNeeded = conversation.version === 1 && !actual.echo;
    return isNeeded || wordOf(context, 'hmac') === 'good' ? 'the HMAC is missing' : undefined;
  }
  if (wordOf(context, 'hmac') === 'none') return 'it has an HMAC';
  const right = addAddrHmac(uint64(conversation.hostKey ?? 0n), uint64(conversation.peerKey), {
    addressId: actual.addressId,
    address: actual.address,
    port: actual.port ?? 0,
  });
  return Buffer.compare(right, actual.hmac) === 0 ? undefined : 'the HMAC is wrong';
}

function matchDss(context: OptionContext, actual: Dss): Mismatch {
  const { conversation } = context;
  const { dataAck } = actual;
  const wantsNoAck = context.expected.fields.get('ack')?.kind === 'word';
  if (wantsNoAck && dataAck !== undefined) return 'it has a DATA_ACK';
  const ackAt =
    dataAck === undefined ? undefined : conversation.peerDataPosition(dataAck.value, dataAck.bits);
  return (
    differs('the DATA_ACK', numberOf(context, 'ack'), ackAt) ??
    flagDiffers(context, 'ack4', 'ack8', dataAck?.bits === 32) ??
    matchMapping(context, actual)
  );
}

function matchMapping(context: OptionContext, actual: Dss): Mismatch {
  const { conversation, expected } = context;
  const { mapping, dataFin } = actual;
  const map = expected.fields.get('map');
  const fin = expected.fields.get('fin');
  const infinite = numberOf(context, 'infinite');
  if (fin?.kind === 'word' && fin.value === 'none' && dataFin) return 'it has a DATA_FIN';
  const wantsFin = fin !== undefined && !(fin.kind === 'word' && fin.value === 'none');
  if (wantsFin && !dataFin) return 'it has no DATA_FIN';
  if (map?.kind === 'word') return mapping === undefined ? undefined : 'it has a mapping';
  if (mapping === undefined) {
    return map === undefined && fin?.kind !== 'number' && infinite === undefined
      ? undefined
      : 'it has no mapping';
  }
  const from = conversation.hostDataPosition(mapping.dataSeq.value, mapping.dataSeq.bits);
  const to = from + mapping.dataLength - (dataFin ? 1 : 0);
  if (infinite !== undefined && (mapping.dataLength !== 0 || from !== infinite)) {
    return `it maps ${from}:${to}, not infinitely from ${infinite}`;
  }
  if (map?.kind === 'range' && (from !== map.value.from || to !== map.value.to)) {
    return `it maps ${from}:${to}, not ${map.value.from}:${map.value.to}`;
  }
  return (
    (fin?.kind === 'number' ? differs('the place of the DATA_FIN', fin.value, to) : undefined) ??
    differs('the subflow position', numberOf(context, 'at'), mapping.subflowSeq) ??
    flagDiffers(context, 'map4', 'map8', mapping.dataSeq.bits === 32) ??
    matchChecksum(context, mapping.checksum, () => rightChecksum(context, actual))
  );
}

/** The checksum of a mapping whose bytes are all in this packet. */
function rightChecksum(
  { conversation, flow, packet }: OptionContext,
  { mapping, dataFin }: Dss,
): number | undefined {
  if (mapping === undefined) return undefined;
  if (mapping.dataLength === 0) return 0;
  const bytes = mapping.dataLength - (dataFin ? 1 : 0);
  const { payload } = packet.tcp;
  const isHere =
    bytes === 0 ||
    (bytes === payload.length && mapping.subflowSeq === conversation.hostPosition(flow, packet.tcp.seq));
  if (!isHere) return undefined;
  const from = conversation.hostDataPosition(mapping.dataSeq.value, mapping.dataSeq.bits);
  const dataSeq = uint64(conversation.hostDataSeq(from));
  return dssChecksum(dataSeq, mapping.subflowSeq, mapping.dataLength, bytes === 0 ? [] : [payload]);
}

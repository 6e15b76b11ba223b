/** Makes the peer's packets: a line of a script and what is known of the connection give the bytes. */
import { uint64 } from '../../../src/base/index.js';
import {
  IpProtocol,
  TcpFlag,
  addAddrHmac,
  datagramLength,
  dssChecksum,
  emitDatagram,
  emitIcmp,
  emitTcp,
  icmpLength,
  pseudoHeaderSum,
  tcpPacketLength,
  type Endpoint,
  type IcmpMessage,
  type IpAddress,
  type MptcpOption,
  type TcpOption,
  type TcpPacket,
} from '../../../src/wire/index.js';
import { SERVICE_PORT, addressOf, type Conversation, type FlowState } from './conversation.js';
import { patternBytes } from './pattern.js';
import type { FieldValue, IcmpForm, PacketForm, ScriptOption } from './script.js';

/** What the options of one packet are made from. */
interface Context {
  readonly conversation: Conversation;
  readonly flow: FlowState;
  readonly form: PacketForm;
  readonly seq: number;
  /** Length of the payload. */
  readonly length: number;
  readonly nowNs: number;
}

const flagBits = {
  SYN: TcpFlag.SYN,
  ACK: TcpFlag.ACK,
  FIN: TcpFlag.FIN,
  RST: TcpFlag.RST,
  PSH: TcpFlag.PSH,
  URG: TcpFlag.URG,
};

/** `host1`, `peer2:8080`: the port is `port` unless it is named. */
export function endpointOf(conversation: Conversation, word: string, port: number): Endpoint {
  const [name, named] = word.split(':');
  const side = name!.startsWith('host') ? 'host' : 'peer';
  return {
    address: addressOf(conversation.family, side, Number(name!.slice(4))),
    port: named === undefined ? port : Number(named),
  };
}

/** Settles the tuple of a subflow that the peer begins with this packet. */
function bindPeerFlow(conversation: Conversation, flow: FlowState, form: PacketForm): void {
  if (flow.isBound) return;
  const peerPort = conversation.hostIsClient ? 40_000 + flow.number : flow.peer.port;
  if (form.from !== undefined) flow.peer = endpointOf(conversation, form.from, peerPort);
  if (form.to !== undefined) flow.host = endpointOf(conversation, form.to, SERVICE_PORT);
  flow.isBound = true;
}

/** The IP packet that `form` describes; the conversation moves on. */
export function buildPacket(conversation: Conversation, form: PacketForm, nowNs: number): Uint8Array {
  const flow = conversation.flow(form.flow);
  bindPeerFlow(conversation, flow, form);
  const length = form.length ?? 0;
  const isSyn = form.flags.includes('SYN');
  const seq = form.seq ?? (isSyn ? 0 : flow.peerNext);
  const context: Context = { conversation, flow, form, seq, length, nowNs };
  const options = form.options.map((option) => buildOption(context, option));
  let flags = 0;
  for (const name of form.flags) flags |= flagBits[name];
  const tcp: TcpPacket = {
    sourcePort: flow.peer.port,
    destinationPort: flow.host.port,
    seq: (flow.peerIsn + seq) >>> 0,
    ack: form.flags.includes('ACK') ? ((flow.hostIsn ?? 0) + (form.ack ?? flow.hostNext)) >>> 0 : 0,
    flags,
    window: form.window ?? 65_535,
    urgentPointer: form.urgent ?? 0,
    options,
    payload: payloadOf(context),
  };
  const end = seq + length + (isSyn ? 1 : 0) + (form.flags.includes('FIN') ? 1 : 0);
  if (seq <= flow.peerNext && end > flow.peerNext && !form.flags.includes('RST')) flow.peerNext = end;
  return tcpDatagram(flow.peer.address, flow.host.address, tcp, form.hasBadChecksum);
}

function tcpDatagram(source: IpAddress, destination: IpAddress, tcp: TcpPacket, isBad: boolean): Uint8Array {
  const payload = new Uint8Array(tcpPacketLength(tcp));
  emitTcp(tcp, payload, 0, pseudoHeaderSum(source, destination, IpProtocol.TCP, payload.length));
  if (isBad) payload[16] = payload[16]! ^ 0x55;
  return datagram(source, destination, IpProtocol.TCP, payload);
}

function datagram(
  source: IpAddress,
  destination: IpAddress,
  protocol: number,
  payload: Uint8Array,
): Uint8Array {
  const common = { source, destination, protocol, hopLimit: 64, dscpEcn: 0, payload };
  const packet =
    source.family === 4
      ? ({
          ...common,
          family: 4,
          identification: 0,
          dontFragment: true,
          moreFragments: false,
          fragmentOffset: 0,
          options: [],
        } as const)
      : ({ ...common, family: 6, flowLabel: 0, extensions: [] } as const);
  const bytes = new Uint8Array(datagramLength(packet));
  emitDatagram(packet, bytes, 0);
  return bytes;
}

/** An ICMP error of a router on the way that quotes a packet of the host. */
export function buildIcmp(conversation: Conversation, form: IcmpForm): Uint8Array {
  const flow = conversation.flow(form.flow);
  const quotedBytes = (flow.lastBytes ?? new Uint8Array(0)).slice(0, 128);
  if (form.seq !== undefined && quotedBytes.length > 0) {
    const at = conversation.family === 4 ? 24 : 44;
    new DataView(quotedBytes.buffer).setUint32(at, ((flow.hostIsn ?? 0) + form.seq) >>> 0);
  }
  const message = icmpMessage(conversation.family, form, quotedBytes);
  const source = addressOf(conversation.family, 'peer', 9);
  const protocol = conversation.family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6;
  const payload = new Uint8Array(icmpLength(message));
  const sum =
    conversation.family === 4 ? 0 : pseudoHeaderSum(source, flow.host.address, protocol, payload.length);
  emitIcmp(message, conversation.family, payload, 0, sum);
  return datagram(source, flow.host.address, protocol, payload);
}

/** A message that routers sent to slow a host down, type 4 (RFC 6633 took it out of use). */
function sourceQuench(quotedBytes: Uint8Array): IcmpMessage {
  const body = new Uint8Array(4 + quotedBytes.length);
  body.set(quotedBytes, 4);
  return { type: 'unknown', number: 4, code: 0, body };
}

function icmpMessage(family: 4 | 6, form: IcmpForm, quotedBytes: Uint8Array): IcmpMessage {
  if (form.type === 'time-exceeded') return { type: 'time-exceeded', code: 0, quotedBytes };
  if (form.type === 'parameter-problem')
    return { type: 'parameter-problem', code: 0, pointer: 0, quotedBytes };
  if (form.type === 'source-quench') return sourceQuench(quotedBytes);
  if (form.type === 'unreachable') return { type: 'unreachable', code: form.value, quotedBytes };
  return family === 4
    ? { type: 'unreachable', code: 4, mtuBytes: form.value, quotedBytes }
    : { type: 'packet-too-big', code: 0, mtuBytes: form.value, quotedBytes };
}

/** The pattern at the data position that the packet's mapping gives, or at its subflow position. */
function payloadOf(context: Context): Uint8Array {
  const { form, length } = context;
  if (form.payload === 'bad') return patternBytes(false, 77, length).map((byte) => byte ^ 0xff);
  return patternBytes(false, form.payload ?? mappedPosition(context), length);
}

/** Data position of the first payload byte. */
function mappedPosition({ form, seq }: Context): number {
  const dss = form.options.find((option) => option.name === 'dss');
  const map = dss?.fields.get('map');
  // The SYN takes one number before the bytes it carries.
  if (map?.kind !== 'range') return form.flags.includes('SYN') ? seq + 1 : seq;
  return map.value.from + seq - (numberField(dss!, 'at') ?? seq);
}

function numberField(option: ScriptOption, name: string): number | undefined {
  const value = option.fields.get(name);
  return value?.kind === 'number' ? value.value : undefined;
}

function wordField(option: ScriptOption, name: string): string | undefined {
  const value = option.fields.get(name);
  return value?.kind === 'word' ? value.value : undefined;
}

function firstNumber(values: readonly FieldValue[], otherwise: number): number {
  const value = values[0];
  return value?.kind === 'number' ? value.value : otherwise;
}

function buildOption(context: Context, option: ScriptOption): TcpOption {
  const { flow, nowNs } = context;
  switch (option.name) {
    case 'mss':
      return { kind: 'mss', mss: firstNumber(option.values, 1460) };
    case 'ws':
      return { kind: 'window-scale', shift: firstNumber(option.values, 7) };
    case 'sack-ok':
      return { kind: 'sack-permitted' };
    case 'nop':
      return { kind: 'nop' };
    case 'sack':
      return { kind: 'sack', blocks: option.values.flatMap((value) => blockOf(flow, value)) };
    case 'ts':
      return {
        kind: 'timestamps',
        tsVal: numberField(option, 'val') ?? Math.floor(nowNs / 1e6) + 1000,
        tsEcr: numberField(option, 'ecr') ?? flow.lastTsVal,
      };
    case 'tfo':
      return {
        kind: 'fast-open',
        cookie: cookieOf(context, option),
        experimental: option.fields.has('experimental'),
      };
    case 'raw': {
      const bytes = option.values[0];
      const body = bytes?.kind === 'hex' ? bytes.value : new Uint8Array(2);
      return { kind: 'unknown', number: body[0]!, body: body.slice(2) };
    }
    default:
      return { kind: 'mptcp', option: buildMptcp(context, option) };
  }
}

function cookieOf({ conversation }: Context, option: ScriptOption): Uint8Array {
  const cookie = option.fields.get('cookie');
  if (cookie?.kind === 'hex') return cookie.value;
  return cookie === undefined ? new Uint8Array(0) : (conversation.cookie ?? new Uint8Array(0));
}

function blockOf(flow: FlowState, value: FieldValue): { left: number; right: number }[] {
  if (value.kind !== 'range') return [];
  const base = flow.hostIsn ?? 0;
  return [{ left: (base + value.value.from) >>> 0, right: (base + value.value.to) >>> 0 }];
}

function buildMptcp(context: Context, option: ScriptOption): MptcpOption {
  switch (option.name) {
    case 'capable':
      return buildCapable(context, option);
    case 'join':
      return buildJoin(context, option);
    case 'dss':
      return buildDss(context, option);
    case 'add-addr':
      return buildAddAddr(context, option);
    case 'remove-addr':
      return { subtype: 'REMOVE_ADDR', addressIds: option.values.map((value) => firstNumber([value], 0)) };
    case 'prio': {
      const id = numberField(option, 'id');
      const backup = !option.fields.has('regular');
      return { subtype: 'MP_PRIO', backup, ...(id !== undefined && { addressId: id }) };
    }
    case 'fail':
      return {
        subtype: 'MP_FAIL',
        dataSeq: context.conversation.hostDataSeq(numberField(option, 'at') ?? 1),
      };
    case 'fastclose':
      return {
        subtype: 'MP_FASTCLOSE',
        receiverKey: keyOf(wordField(option, 'key') ?? 'good', context.conversation.hostKey ?? 0n),
      };
    case 'tcprst': {
      const flags = numberField(option, 'flags') ?? (option.fields.has('transient') ? 1 : 0);
      return { subtype: 'MP_TCPRST', flags, reason: numberField(option, 'reason') ?? 0 };
    }
    default:
      return buildOpaque(option);
  }
}

function buildOpaque(option: ScriptOption): MptcpOption {
  const value = option.values[0];
  const body = value?.kind === 'hex' ? value.value : new Uint8Array(1);
  if (option.name === 'experimental') return { subtype: 'MP_EXPERIMENTAL', nibble: 0, body };
  return { subtype: 'UNKNOWN', code: numberField(option, 'code') ?? 9, nibble: 0, body };
}

function keyOf(word: string, right: bigint): bigint {
  return word === 'bad' ? right ^ 0xff00ff00ff00ff00n : word === 'zero' ? 0n : right;
}

/** Flags by letter; H alone when none are named. */
export function capableFlags(letters: string): number {
  let flags = 0;
  const bits: Record<string, number> = { A: 0x80, B: 0x40, C: 0x20, D: 0x10, E: 8, F: 4, G: 2, H: 1 };
  for (const letter of letters) flags |= bits[letter] ?? 0;
  return flags;
}

function buildCapable({ conversation, form, length }: Context, option: ScriptOption): MptcpOption {
  const version = numberField(option, 'v') ?? conversation.version;
  const isSyn = form.flags.includes('SYN');
  const isAck = form.flags.includes('ACK');
  if (isSyn) conversation.setVersion(version);
  const flags = capableFlags(wordField(option, 'flags') ?? (conversation.peerWantsChecksum ? 'AH' : 'H'));
  if (isSyn) conversation.peerWantsChecksum = (flags & 0x80) !== 0;
  const ownWord = wordField(option, 'key') ?? (isSyn && !isAck && version !== 0 ? 'none' : 'good');
  if (ownWord === 'none') return { subtype: 'MP_CAPABLE', version, flags };
  const senderKey = keyOf(ownWord, conversation.peerKey);
  const peerWord = wordField(option, 'peer-key') ?? (isSyn ? 'none' : 'good');
  if (peerWord === 'none') return { subtype: 'MP_CAPABLE', version, flags, senderKey };
  const receiverKey = keyOf(peerWord, conversation.hostKey ?? 0n);
  const common = { subtype: 'MP_CAPABLE', version, flags, senderKey, receiverKey } as const;
  const dataLength = numberField(option, 'len') ?? length;
  if (version === 0 || dataLength === 0 || option.fields.get('len')?.kind === 'word') return common;
  const csum = wordField(option, 'csum') ?? (conversation.usesChecksum ? 'good' : 'none');
  if (csum === 'none') return { ...common, dataLength };
  const bytes = patternBytes(false, 1, dataLength);
  const checksum = dssChecksum(uint64(conversation.peerDataSeq(1)), 1, dataLength, [bytes]);
  return { ...common, dataLength, checksum: csum === 'bad' ? checksum ^ 0x5555 : checksum };
}

function spoil(bytes: Uint8Array, word: string | undefined): Uint8Array {
  return word === 'bad' ? bytes.map((byte) => byte ^ 0xa5) : bytes;
}

function buildJoin(context: Context, option: ScriptOption): MptcpOption {
  const { conversation, flow, form } = context;
  const backup = option.fields.has('backup');
  const addressId = numberField(option, 'id') ?? flow.number;
  const isSyn = form.flags.includes('SYN');
  const isAck = form.flags.includes('ACK');
  if (isSyn) flow.peerNonce = numberField(option, 'nonce') ?? flow.peerNonce;
  const nonce = flow.peerNonce;
  const word = wordField(option, 'hmac');
  if (isSyn && !isAck) {
    const right = conversation.host?.token ?? 0;
    const token = wordField(option, 'token') === 'bad' ? (right ^ 0x5a5a5a5a) >>> 0 : right;
    return { subtype: 'MP_JOIN', phase: 'syn', backup, addressId, token, nonce };
  }
  const proof = conversation.joinProof(flow, false);
  if (isSyn) {
    const hmac = spoil(proof.slice(0, 8), word);
    return { subtype: 'MP_JOIN', phase: 'synack', backup, addressId, hmac, nonce };
  }
  return { subtype: 'MP_JOIN', phase: 'ack', hmac: spoil(proof.slice(0, 20), word) };
}

function buildAddAddr({ conversation }: Context, option: ScriptOption): MptcpOption {
  const addressId = numberField(option, 'id') ?? 2;
  const port = numberField(option, 'port');
  const { address } = endpointOf(conversation, wordField(option, 'addr') ?? 'peer2', 0);
  const echo = option.fields.has('echo');
  const version = conversation.version;
  const common = { subtype: 'ADD_ADDR', version, echo, addressId, address } as const;
  const withPort = { ...common, ...(port !== undefined && { port }) };
  const word = wordField(option, 'hmac') ?? (echo || version === 0 ? 'none' : 'good');
  if (word === 'none') return withPort;
  const hmac = addAddrHmac(uint64(conversation.peerKey), uint64(conversation.hostKey ?? 0n), {
    addressId,
    address,
    port: port ?? 0,
  });
  return { ...withPort, hmac: spoil(hmac, word) };
}

function buildDss(context: Context, option: ScriptOption): MptcpOption {
  const { conversation } = context;
  const ackBits = option.fields.has('ack4') ? 32 : 64;
  const ackField = option.fields.get('ack');
  const ackAt = ackField?.kind === 'number' ? ackField.value : conversation.hostDataNext;
  const hasAck = ackField?.kind !== 'word';
  const fin = option.fields.get('fin');
  const dataAck = { value: BigInt.asUintN(ackBits, conversation.hostDataSeq(ackAt)), bits: ackBits } as const;
  const mapping = buildMapping(context, option);
  return {
    subtype: 'DSS',
    dataFin: fin !== undefined && !(fin.kind === 'word' && fin.value === 'none'),
    ...(hasAck && { dataAck }),
    ...(mapping !== undefined && { mapping }),
  };
}

/** The mapping of a DSS: `map=1:101` with `at` or the packet's own place, `fin=101` alone, `infinite=101`. */
function buildMapping(context: Context, option: ScriptOption): (MptcpOption & { subtype: 'DSS' })['mapping'] {
  const { conversation, seq } = context;
  const map = option.fields.get('map');
  const fin = option.fields.get('fin');
  const infinite = numberField(option, 'infinite');
  const bits = option.fields.has('map4') ? 32 : 64;
  const isFinAlone = map === undefined && fin?.kind === 'number';
  const position = map?.kind === 'range' ? map.value.from : isFinAlone ? fin.value : infinite;
  if (position === undefined) return undefined;
  const bytes = map?.kind === 'range' ? map.value.to - map.value.from : 0;
  const dataLength = infinite !== undefined ? 0 : bytes + (fin === undefined ? 0 : 1);
  const subflowSeq = numberField(option, 'at') ?? (isFinAlone ? 0 : seq);
  const dataSeq = conversation.peerDataSeq(position);
  const word = wordField(option, 'csum') ?? (conversation.usesChecksum ? 'good' : 'none');
  const pieces = bytes > 0 ? [mappedBytes(context, position, bytes)] : [];
  const right =
    infinite === undefined ? dssChecksum(uint64(dataSeq), subflowSeq >>> 0, dataLength, pieces) : 0;
  return {
    dataSeq: { value: BigInt.asUintN(bits, dataSeq), bits },
    subflowSeq: subflowSeq >>> 0,
    dataLength,
    ...(word !== 'none' && { checksum: word === 'bad' ? right ^ 0x5555 : right }),
  };
}

/** The bytes that a checksum is made over: the pattern, or the spoilt payload when the script keeps it right. */
function mappedBytes({ form }: Context, position: number, bytes: number): Uint8Array {
  const start = typeof form.payload === 'number' ? form.payload : position;
  return patternBytes(false, start, bytes);
}

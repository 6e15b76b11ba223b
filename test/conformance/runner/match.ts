/**
 * Compares a packet of the host with what a script expects: exact on what the script names, silent on what it does
 * not. What is computed (checksums, proofs, keys, the pattern of the payload) is always checked.
 */
import { TcpFlag, type MptcpOption, type TcpOption } from '../../../src/wire/index.js';
import type { Captured, Conversation, FlowState } from './conversation.js';
import { endpointOf } from './build.js';
import { matchMptcp } from './match-mptcp.js';
import { mptcpOptionNames } from './option-parser.js';
import { patternMismatch } from './pattern.js';
import type { FlagName, PacketForm, ScriptOption } from './script.js';

/** What does not fit, in a few words; undefined when all does. */
export type Mismatch = string | undefined;

const bits = {
  SYN: TcpFlag.SYN,
  ACK: TcpFlag.ACK,
  FIN: TcpFlag.FIN,
  RST: TcpFlag.RST,
  PSH: TcpFlag.PSH,
  URG: TcpFlag.URG,
};

/** Compares; the conversation has learned from the packet before. */
export function matchPacket(
  conversation: Conversation,
  flow: FlowState,
  form: PacketForm,
  packet: Captured,
): Mismatch {
  const { tcp } = packet;
  const seq = conversation.hostPosition(flow, tcp.seq);
  const ack = conversation.peerPosition(flow, tcp.ack);
  const length = tcp.payload.length;
  return (
    packet.flaw ??
    matchFlags(form.flags, tcp.flags, form.isData) ??
    differs('the sequence number', form.isData ? undefined : form.seq, seq) ??
    differs('the payload length', expectedLength(form), length) ??
    differs('the acknowledgment', form.ack, ack) ??
    differs('the window', form.window, tcp.window) ??
    differs('the urgent pointer', form.urgent, tcp.urgentPointer) ??
    matchEnds(conversation, form, packet) ??
    matchPayload(conversation, flow, seq, packet) ??
    matchOptions(conversation, flow, form, packet)
  );
}

/** A packet out without a payload range has no payload: the range is how a script names one. */
function expectedLength(form: PacketForm): number | undefined {
  return form.isData ? undefined : (form.length ?? 0);
}

/** `what` is `actual`, where the script says that it is `expected`. */
export function differs(what: string, expected: number | undefined, actual: number | undefined): Mismatch {
  return expected === undefined || expected === actual
    ? undefined
    : `${what} is ${actual ?? 'missing'}, not ${expected}`;
}

/** PSH and URG count only where they are named. */
function matchFlags(names: readonly FlagName[], flags: number, isData: boolean): Mismatch {
  for (const name of ['SYN', 'ACK', 'FIN', 'RST'] as const) {
    const isWanted = isData ? name === 'ACK' : names.includes(name);
    const isSet = (flags & bits[name]) !== 0;
    if (isData && name === 'FIN') continue;
    // A RST may have an acknowledgment or not; it counts where the script names it.
    if (name === 'ACK' && names.includes('RST') && !isWanted) continue;
    if (isWanted !== isSet) return `${name} is ${isSet ? '' : 'not '}set`;
  }
  for (const name of ['PSH', 'URG'] as const) {
    if (names.includes(name) && (flags & bits[name]) === 0) return `${name} is not set`;
  }
  return undefined;
}

function matchEnds(conversation: Conversation, form: PacketForm, packet: Captured): Mismatch {
  for (const [word, address, port] of [
    [form.from, packet.source, packet.tcp.sourcePort],
    [form.to, packet.destination, packet.tcp.destinationPort],
  ] as const) {
    if (word === undefined) continue;
    const wanted = endpointOf(conversation, word, port);
    if (!wanted.address.equals(address) || wanted.port !== port) {
      return `it goes from ${packet.source.toString()} to ${packet.destination.toString()} port ${packet.tcp.destinationPort}, which is not ${word}`;
    }
  }
  return undefined;
}

function matchPayload(conversation: Conversation, flow: FlowState, seq: number, packet: Captured): Mismatch {
  const { payload } = packet.tcp;
  if (payload.length === 0) return undefined;
  const isPlain = conversation.hostKey === undefined;
  const isSyn = (packet.tcp.flags & TcpFlag.SYN) !== 0;
  const position = isSyn ? 1 : isPlain ? seq : flow.positionOf(seq);
  // A byte of a probe before the stream has no place in it.
  if (position === undefined || position < 1) return undefined;
  const at = patternMismatch(true, position, payload);
  return at < 0 ? undefined : `the payload differs from what was written at byte ${position + at}`;
}

function matchOptions(
  conversation: Conversation,
  flow: FlowState,
  form: PacketForm,
  packet: Captured,
): Mismatch {
  const { options } = packet.tcp;
  for (const expected of form.options) {
    const actual = findOption(options, expected.name);
    if (expected.isAbsent) {
      if (actual !== undefined) return `there is an option "${expected.name}"`;
      continue;
    }
    if (actual === undefined) return `there is no option "${expected.name}"`;
    const mismatch = matchOption(conversation, flow, packet, expected, actual);
    if (mismatch !== undefined) return `${expected.name}: ${mismatch}`;
  }
  if (!form.isStrict) return undefined;
  const more = options.find(
    (option) => option.kind !== 'nop' && !form.options.some((wanted) => nameOf(option) === wanted.name),
  );
  return more === undefined ? undefined : `there is an option "${nameOf(more)}" too many`;
}

function findOption(options: readonly TcpOption[], name: string): TcpOption | undefined {
  if (name === 'mptcp') return options.find((option) => mptcpOptionNames.has(nameOf(option)));
  return options.find((option) => nameOf(option) === name);
}

/** The language's name for an option. */
export function nameOf(option: TcpOption): string {
  switch (option.kind) {
    case 'window-scale':
      return 'ws';
    case 'sack-permitted':
      return 'sack-ok';
    case 'timestamps':
      return 'ts';
    case 'fast-open':
      return 'tfo';
    case 'mptcp':
      return mptcpName(option.option);
    case 'unknown':
    case 'malformed':
      return 'raw';
    default:
      return option.kind;
  }
}

const mptcpNames: Readonly<Record<MptcpOption['subtype'], string>> = {
  MP_CAPABLE: 'capable',
  MP_JOIN: 'join',
  DSS: 'dss',
  ADD_ADDR: 'add-addr',
  REMOVE_ADDR: 'remove-addr',
  MP_PRIO: 'prio',
  MP_FAIL: 'fail',
  MP_FASTCLOSE: 'fastclose',
  MP_TCPRST: 'tcprst',
  MP_EXPERIMENTAL: 'experimental',
  UNKNOWN: 'subtype',
};

function mptcpName(option: MptcpOption): string {
  return mptcpNames[option.subtype];
}

function matchOption(
  conversation: Conversation,
  flow: FlowState,
  packet: Captured,
  expected: ScriptOption,
  actual: TcpOption,
): Mismatch {
  const value = expected.values[0];
  const wanted = value?.kind === 'number' ? value.value : undefined;
  switch (actual.kind) {
    case 'mss':
      return differs('it', wanted, actual.mss);
    case 'window-scale':
      return differs('it', wanted, actual.shift);
    case 'sack':
      return matchSack(conversation, flow, expected, actual);
    case 'timestamps': {
      const val = expected.fields.get('val');
      const ecr = expected.fields.get('ecr');
      return (
        differs('the value', val?.kind === 'number' ? val.value : undefined, actual.tsVal) ??
        differs('the echo', ecr?.kind === 'number' ? ecr.value : undefined, actual.tsEcr)
      );
    }
    case 'fast-open': {
      const isRequest = actual.cookie.length === 0;
      if (expected.fields.has('request') && !isRequest) return 'it is no request';
      if (expected.fields.has('cookie') && isRequest) return 'it has no cookie';
      return undefined;
    }
    case 'mptcp':
      return matchMptcp({ conversation, flow, packet, expected }, actual.option);
    default:
      return undefined;
  }
}

function matchSack(
  conversation: Conversation,
  flow: FlowState,
  expected: ScriptOption,
  actual: TcpOption & { kind: 'sack' },
): Mismatch {
  if (expected.values.length === 0) return undefined;
  const text = actual.blocks
    .map(
      (block) =>
        `${conversation.peerPosition(flow, block.left)}:${conversation.peerPosition(flow, block.right)}`,
    )
    .join(' ');
  const wanted = expected.values
    .map((value) => (value.kind === 'range' ? `${value.value.from}:${value.value.to}` : ''))
    .join(' ');
  return text === wanted ? undefined : `it says ${text}, not ${wanted}`;
}

/**
 * What a script of the fuzzer can do to a {@link StackWorld}: deliver, change, repeat and make up packets, let time pass,
 * and use the hosts' sockets and interfaces. Every operand is a byte and every byte is valid.
 */
import { MILLISECOND, SECOND } from '../../src/base/index.js';
import {
  IcmpUnreachableCode,
  IpProtocol,
  datagramLength,
  emitDatagram,
  emitIcmp,
  icmpLength,
} from '../../src/wire/index.js';
import { type Party, SERVER_PORT, type StackWorld } from './stack-world.js';

/** Bytes of a step in a script: what to do and to which host, and three operands. */
export const STEP_BYTES = 4;
/** Timers that may be due in one step. */
export const MAX_TIMERS_PER_STEP = 200;
/** The device vouches for the checksum, so that a changed packet gets past it. */
const trusted = { checksumValid: true };
/** Never changes: every byte that scripts write. */
const content = new Uint8Array(32 * 1024).map((_, i) => i * 7);

/** A step's operands, the host it acts on, and the bytes after it. */
export interface Step {
  readonly world: StackWorld;
  readonly party: Party;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** The script from behind this step on. */
  readonly rest: Uint8Array;
}

/** Does a step; may give how many of the bytes behind it it took. */
export type Operation = (step: Step) => number | undefined | void;

function historical({ party, a }: Step): Uint8Array | undefined {
  const { history } = party;
  return history.length === 0 ? undefined : history[a % history.length]!.bytes.slice();
}

function deliverNext({ world, party, a }: Step): void {
  for (let i = a % 8; i >= 0; i--) {
    const flight = party.inbox.shift();
    if (flight !== undefined) world.deliver(party, flight.bytes, flight.meta);
  }
}

export function pump({ world, a }: Step): void {
  world.pump(1 + a);
}

export function deliverChanged({ world, party, a, b, c }: Step): void {
  const flight = party.inbox.shift();
  if (flight === undefined) return;
  // Not in place: the same bytes stand in the history.
  const changed = flight.bytes.slice();
  changed[(a + ((c & 3) << 8)) % changed.length]! ^= b;
  const segmentSize = (c & 8) === 0 ? (flight.meta.segmentSize ?? 0) : (c >> 4) * 100;
  world.deliver(party, changed, { segmentSize, checksumValid: (c & 4) === 0 });
}

function replayChanged(step: Step): void {
  const bytes = historical(step);
  if (bytes === undefined) return;
  bytes[step.b % bytes.length]! ^= step.c;
  step.world.deliver(step.party, bytes, trusted);
}

export function drop({ party, a }: Step): void {
  party.inbox.splice(0, 1 + (a % 8));
}

export function passTime({ world, a, b }: Step): void {
  world.advance((1 + a) * 4 ** (b % 10) * MILLISECOND, MAX_TIMERS_PER_STEP);
}

export function write({ world, party, a, b, c }: Step): void {
  const socket = party.sockets[a % party.sockets.length];
  if (socket === undefined || socket.connection.bufferedSendBytes >= content.length) return;
  socket.write(world.now, content.subarray(0, Math.min(content.length, 1 + b * (1 + c))));
}

export function read({ world, party, a, b }: Step): void {
  const socket = party.sockets[a % party.sockets.length];
  for (let bytes = socket?.read(world.now); bytes !== undefined && b < 200;) bytes = socket?.read(world.now);
}

export function finish({ world, party, a, b }: Step): void {
  const socket = party.sockets[a % party.sockets.length];
  if (socket === undefined) return;
  const subflow = socket.connection.subflows[b >> 2];
  if (b % 4 === 0) socket.shutdown(world.now);
  else if (b % 4 === 1) socket.close(world.now);
  else if (b % 4 === 2) socket.abort(world.now);
  else if (subflow !== undefined) socket.closeSubflow(world.now, subflow);
}

export function connect({ world, party, a, b }: Step): void {
  const { addresses } = world.other(party);
  const port = b === 0xff ? SERVER_PORT + 1 : SERVER_PORT;
  const remote = { address: addresses[a % addresses.length]!, port };
  party.sockets.push(party.stack.connect(world.now, { remote }));
}

/**
 * Connects in a manner of its own. `b`: Fast Open in the lowest two bits (not, with a cookie, without one), versions in the
 * next two, the server's port in the two after, the way over several paths in the highest two. `c`: settings.
 */
export function connectWith({ world, party, a, b, c }: Step): void {
  const { addresses } = world.other(party);
  const mptcp = {
    ...party.stack.settings.mptcp,
    versions: ([[1, 0], [0], [1], [0, 1]] as const)[(b >> 2) & 3]!,
    fastClose: (c & 1) === 0 ? ('reset' as const) : ('ack' as const),
    earlyJoinData: (c & 2) !== 0,
    hearExperiments: (c & 4) !== 0,
    synsBeforeFallback: (c >> 3) & 3,
    joinInitialAddress: (c & 32) === 0,
  };
  const mode = ([undefined, 'timeout', 'simultaneous', 'timeout'] as const)[b >> 6];
  const locals = (c & 64) !== 0 ? { locals: party.addresses } : {};
  party.sockets.push(
    party.stack.connect(world.now, {
      remote: { address: addresses[a % addresses.length]!, port: SERVER_PORT + ((b >> 4) & 3) },
      fastOpen: ([false, true, 'without-cookie', true] as const)[b & 3]!,
      ...((c & 128) === 0 && { mptcp }),
      ...(mode !== undefined && { robust: { mode, delayNs: (1 + (a >> 2)) * MILLISECOND, ...locals } }),
    }),
  );
}

/** What an owner has to tell the peer: private options, addresses, priorities; and a host's new key for cookies. */
export function signal({ world, party, a, b, c }: Step): void {
  const socket = party.sockets[a % Math.max(1, party.sockets.length)];
  if (b % 8 === 7) return party.stack.rotateFastOpenKey(world.now);
  if (socket === undefined) return;
  const subflow = socket.connection.subflows[c & 3];
  if (b % 8 === 4) {
    const address = party.addresses[c % 3]!;
    socket.announceAddress(world.now, { address, port: b < 128 ? 0 : SERVER_PORT + (c >> 6) }, c >> 2);
  } else if (b % 8 === 5) socket.withdrawAddress(world.now, c >> 2);
  else if (subflow !== undefined && b % 2 === 0) {
    const body = content.slice(0, c % 27);
    socket.sendExperiment(world.now, subflow, { nibble: b >> 4, body });
  } else if (subflow !== undefined) socket.setBackup(world.now, subflow, b >= 128);
}

/** Gives an old packet other options, those in the script, or these besides its own; and other flags. */
export function replaceOptions(step: Step): number | undefined {
  const bytes = historical(step);
  if (bytes === undefined) return undefined;
  const taken = Math.min((step.b % 11) * STEP_BYTES, step.rest.length & ~3);
  const made = withOptions(bytes, step.rest.subarray(0, taken), step.b >= 0x80);
  made[ipHeaderBytes(bytes) + 13]! ^= step.c;
  step.world.deliver(step.party, made, trusted);
  return taken;
}

/** Acknowledges selectively what the script wants, out of what the host may or may not have in flight. */
export function forgeSack(step: Step): void {
  const bytes = historical(step);
  if (bytes === undefined) return;
  const header = ipHeaderBytes(bytes);
  const option = Uint8Array.of(1, 1, 5, 10, 0, 0, 0, 0, 0, 0, 0, 0);
  const left = new DataView(bytes.buffer).getUint32(header + 8) + (step.b - 16) * 100;
  new DataView(option.buffer).setUint32(4, left);
  new DataView(option.buffer).setUint32(8, left + (step.c - 16) * 100);
  step.world.deliver(step.party, withOptions(bytes, option, true), trusted);
}

function ipHeaderBytes(packet: Uint8Array): number {
  return packet[0]! >>> 4 === 6 ? 40 : 20;
}

/** `packet` with `options`, in the place of its own or behind them as far as there is room. */
function withOptions(packet: Uint8Array, options: Uint8Array, isKept: boolean): Uint8Array {
  const header = ipHeaderBytes(packet);
  const oldLength = (packet[header + 12]! >>> 4) * 4;
  const keptLength = isKept ? Math.min(oldLength, 60 - options.length) : 20;
  const payload = packet.subarray(header + oldLength);
  const made = new Uint8Array(header + keptLength + options.length + payload.length);
  made.set(packet.subarray(0, header + keptLength));
  made.set(options, header + keptLength);
  made.set(payload, header + keptLength + options.length);
  made[header + 12] = ((keptLength + options.length) / 4) << 4;
  new DataView(made.buffer).setUint16(header === 40 ? 4 : 2, header === 40 ? made.length - 40 : made.length);
  return made;
}

/** Moves the sequence and acknowledgment numbers of an old packet. */
export function moveNumbers(step: Step): void {
  const bytes = historical(step);
  if (bytes === undefined) return;
  const header = ipHeaderBytes(bytes);
  const view = new DataView(bytes.buffer);
  const move = (offset: number, operand: number): void => {
    // Signed, and as likely near as far.
    const delta = ((operand << 24) >> 28) * 4 ** (operand & 15);
    view.setUint32(offset, view.getUint32(offset) + delta);
  };
  if (bytes.length < header + 12) return;
  move(header + 4, step.b);
  move(header + 8, step.c);
  step.world.deliver(step.party, bytes, trusted);
}

export function changeAddresses({ world, party, a, b, c }: Step): void {
  const { stack, interfaceIds, addresses, sockets } = party;
  const index = a % interfaceIds.length;
  const socket = sockets[c % Math.max(1, sockets.length)];
  const entry = { address: addresses[index]!, prefixLength: 24 };
  switch (b % 8) {
    case 0:
      return stack.setInterfaceState(world.now, interfaceIds[index]!, false);
    case 1:
      return stack.setInterfaceState(world.now, interfaceIds[index]!, true);
    case 2:
      return void stack.removeAddress(world.now, interfaceIds[index]!, addresses[index]!);
    case 3:
      return stack.addAddress(world.now, interfaceIds[index]!, entry);
    case 4:
      return void socket?.announceAddress(
        world.now,
        { address: addresses[index]!, port: c & 1 },
        1 + (c >> 1),
      );
    case 5:
      return stack.addRoute({
        prefix: addresses[0]!,
        prefixLength: c % 33,
        interfaceId: interfaceIds[index]!,
      });
    case 6:
      return stack.removeInterface(world.now, interfaceIds[index]!);
    default:
      return socket?.withdrawAddress(world.now, 1 + (c >> 1));
  }
}

export function changeSubflows({ world, party, a, b, c }: Step): void {
  const socket = party.sockets[a % party.sockets.length];
  if (socket === undefined) return;
  const subflow = socket.connection.subflows[b & 3];
  if ((b & 4) === 0) {
    if (subflow !== undefined) socket.setBackup(world.now, subflow, (c & 1) !== 0);
    return;
  }
  const address = party.addresses[c % 3]!;
  const remote = { address: world.other(party).addresses[c % 3]!, port: SERVER_PORT };
  socket.openSubflow(world.now, { local: { address, port: 0 }, remote, backup: (c & 8) !== 0 });
}

export function tune({ world, party, a, b, c }: Step): void {
  const socket = party.sockets[a % party.sockets.length];
  if (b % 2 === 0) socket?.setNagle(world.now, c % 2 === 0);
  else socket?.setKeepAlive(world.now, (1 + c) * SECOND);
}

/** An ICMP error about a packet that the host sent, or an echo request. */
export function reportError({ world, party, a, b, c }: Step): void {
  const { history } = world.other(party);
  if (history.length === 0) return;
  const sent = history[a % history.length]!.bytes;
  const family = sent[0]! >>> 4 === 6 ? 6 : 4;
  const quotedBytes = sent.slice(0, Math.max(28, c));
  const mtuBytes = (c << 3) | (b >> 5);
  const tooBig =
    family === 4
      ? ({
          type: 'unreachable',
          code: IcmpUnreachableCode.FRAGMENTATION_NEEDED,
          mtuBytes,
          quotedBytes,
        } as const)
      : ({ type: 'packet-too-big', code: 0, mtuBytes, quotedBytes } as const);
  const unreachable = { type: 'unreachable', code: (b >> 2) % 16, quotedBytes } as const;
  const echo = { type: 'echo-request', identifier: b, sequence: c, payload: quotedBytes } as const;
  const message = b % 2 === 0 ? tooBig : b % 4 === 1 ? unreachable : echo;
  const payload = new Uint8Array(icmpLength(message));
  emitIcmp(message, family, payload, 0, 0);
  const [source, destination] = [world.other(party).addresses, party.addresses].map(
    (addresses) => addresses[family === 6 ? 2 : sent[14]! & 1]!,
  );
  const common = { source: source!, destination: destination!, hopLimit: 64, dscpEcn: 0, payload };
  const datagram =
    family === 4
      ? ({
          family,
          ...common,
          protocol: IpProtocol.ICMP,
          identification: 0,
          dontFragment: false,
          moreFragments: false,
          fragmentOffset: 0,
          options: [],
        } as const)
      : ({ family, ...common, protocol: IpProtocol.ICMPV6, flowLabel: 0, extensions: [] } as const);
  const bytes = new Uint8Array(datagramLength(datagram));
  emitDatagram(datagram, bytes, 0);
  world.deliver(party, bytes, trusted);
}

/** Bytes of the script as a packet. */
function deliverRaw({ world, party, a, b, rest }: Step): number {
  const taken = Math.min(4 * (a % 24), rest.length);
  world.deliver(party, rest.slice(0, taken), b % 2 === 0 ? trusted : undefined);
  return taken & ~3;
}

/** By the number that a script calls them by. New ones go to the end, or the kept scripts mean something else. */
export const operations: readonly Operation[] = [
  deliverNext,
  pump,
  deliverChanged,
  replayChanged,
  drop,
  passTime,
  write,
  read,
  finish,
  connect,
  replaceOptions,
  moveNumbers,
  changeAddresses,
  changeSubflows,
  reportError,
  deliverRaw,
  forgeSack,
  tune,
  connectWith,
  signal,
];

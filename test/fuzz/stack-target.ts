/**
 * The whole stack as a target: an input is a script of four-byte steps over a {@link StackWorld}. A script opens
 * connections, writes, lets time pass, and above all changes, repeats, reorders and makes up packets. Mutation works on
 * the script, so that an input from the corpus replays the whole history that leads to a finding.
 */
import { MILLISECOND, NEVER, SECOND, SubflowError, assert } from '../../src/base/index.js';
import { IcmpUnreachableCode, IpProtocol, emitDatagram, emitIcmp } from '../../src/wire/index.js';
import { datagramLength, icmpLength } from '../../src/wire/index.js';
import { type Party, SERVER_PORT, StackWorld } from './stack-world.js';
import type { FuzzTarget } from './target.js';

const STEP_BYTES = 4;
const MAX_SCRIPT_BYTES = 400;
/** Timers that may be due in one step. */
const MAX_TIMERS_PER_STEP = 200;
/** Timers that may run from the end of the script until nothing is left: retransmissions of some connections. */
const MAX_LAST_TIMERS = 4000;
/** The device vouches for the checksum, so that a changed packet gets past it. */
const trusted = { checksumValid: true };
/** Never changes: every byte that scripts write. */
const content = new Uint8Array(32 * 1024).map((_, i) => i * 7);

/** A step's operands, the host it acts on, and the bytes after it. */
interface Step {
  readonly world: StackWorld;
  readonly party: Party;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** The script from behind this step on. */
  readonly rest: Uint8Array;
}

/** Does a step; may give how many of the bytes behind it it took. */
type Operation = (step: Step) => number | undefined | void;

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

function pump({ world, a }: Step): void {
  world.pump(1 + a);
}

function deliverChanged({ world, party, a, b, c }: Step): void {
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

function drop({ party, a }: Step): void {
  party.inbox.splice(0, 1 + (a % 8));
}

function passTime({ world, a, b }: Step): void {
  world.advance((1 + a) * 4 ** (b % 10) * MILLISECOND, MAX_TIMERS_PER_STEP);
}

function write({ world, party, a, b, c }: Step): void {
  const socket = party.sockets[a % party.sockets.length];
  if (socket === undefined || socket.connection.bufferedSendBytes >= content.length) return;
  socket.write(world.now, content.subarray(0, Math.min(content.length, 1 + b * (1 + c))));
}

function read({ world, party, a, b }: Step): void {
  const socket = party.sockets[a % party.sockets.length];
  for (let bytes = socket?.read(world.now); bytes !== undefined && b < 200;) bytes = socket?.read(world.now);
}

function finish({ world, party, a, b }: Step): void {
  const socket = party.sockets[a % party.sockets.length];
  if (socket === undefined) return;
  const subflow = socket.connection.subflows[b >> 2];
  if (b % 4 === 0) socket.shutdown(world.now);
  else if (b % 4 === 1) socket.close(world.now);
  else if (b % 4 === 2) socket.abort(world.now);
  else if (subflow !== undefined) socket.closeSubflow(world.now, subflow);
}

function connect({ world, party, a, b }: Step): void {
  const { addresses } = world.other(party);
  const port = b === 0xff ? SERVER_PORT + 1 : SERVER_PORT;
  const remote = { address: addresses[a % addresses.length]!, port };
  party.sockets.push(party.stack.connect(world.now, { remote }));
}

/** Gives an old packet other options, those in the script, or these besides its own; and other flags. */
function replaceOptions(step: Step): number | undefined {
  const bytes = historical(step);
  if (bytes === undefined) return undefined;
  const taken = Math.min((step.b % 11) * STEP_BYTES, step.rest.length & ~3);
  const made = withOptions(bytes, step.rest.subarray(0, taken), step.b >= 0x80);
  made[ipHeaderBytes(bytes) + 13]! ^= step.c;
  step.world.deliver(step.party, made, trusted);
  return taken;
}

/** Acknowledges selectively what the script wants, out of what the host may or may not have in flight. */
function forgeSack(step: Step): void {
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
function moveNumbers(step: Step): void {
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

function changeAddresses({ world, party, a, b, c }: Step): void {
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

function changeSubflows({ world, party, a, b, c }: Step): void {
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

function tune({ world, party, a, b, c }: Step): void {
  const socket = party.sockets[a % party.sockets.length];
  if (b % 2 === 0) socket?.setNagle(world.now, c % 2 === 0);
  else socket?.setKeepAlive(world.now, (1 + c) * SECOND);
}

/** An ICMP error about a packet that the host sent, or an echo request. */
function reportError({ world, party, a, b, c }: Step): void {
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

const operations: readonly Operation[] = [
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
];

/** Does one step. Misuse by the script (a write after the end, no free address) is not the stack's fault. */
function perform(step: Step, code: number): number {
  try {
    return operations[code % operations.length]!(step) ?? 0;
  } catch (error) {
    if (error instanceof SubflowError) return 0;
    throw error;
  } finally {
    step.world.settle();
  }
}

function runScript(input: Uint8Array): string {
  const world = new StackWorld(input[0] ?? 0);
  let at = 1;
  while (at + STEP_BYTES <= input.length) {
    const code = input[at]!;
    const step: Step = {
      world,
      party: world.parties[code & 1]!,
      a: input[at + 1]!,
      b: input[at + 2]!,
      c: input[at + 3]!,
      rest: input.subarray(at + STEP_BYTES),
    };
    at += STEP_BYTES + perform(step, code >> 1);
  }
  if (input.length % 8 === 1) endAll(world);
  return outcomeOf(world);
}

/** With all sockets closed and the network dead, everything ends by itself, and no timer stays. */
function endAll(world: StackWorld): void {
  for (const { stack, listener } of world.parties) {
    listener.close(world.now);
    for (const socket of [...stack.sockets]) socket.close(world.now);
  }
  world.settle();
  let timers = 0;
  for (let at = world.nextTimer(); at !== NEVER; at = world.nextTimer()) {
    timers += world.advance(Math.max(0, at - world.now), MAX_TIMERS_PER_STEP);
    assert(timers < MAX_LAST_TIMERS, 'a dead network leaves no timer running for ever');
  }
  for (const { stack } of world.parties) {
    assert(stack.connectionCount === 0, 'a dead network leaves no closed connection behind');
    assert(stack.timeWaitCount === 0, 'TIME-WAIT ends');
  }
  world.seen.add('ended');
}

/** Which counters moved, and what happened. */
function outcomeOf(world: StackWorld): string {
  const counters = world.parties.map(({ stack }) =>
    Object.values(stack.counters as unknown as Record<string, number>)
      .map((value) => (value > 0 ? 1 : 0))
      .join(''),
  );
  return [...counters, ...[...world.seen].sort()].join(' ');
}

/** A step as bytes: `host` 0 or 1, the name of the operation, its operands. */
function step(host: 0 | 1, operation: Operation, a = 0, b = 0, c = 0): number[] {
  return [(operations.indexOf(operation) << 1) | host, a, b, c];
}

/** Two hosts that connect and join. */
const opening = [
  ...step(1, connect),
  ...step(0, pump, 40),
  ...step(0, passTime, 20, 0),
  ...step(0, pump, 40),
];
const exchange = [
  ...step(1, write, 0, 200, 10),
  ...step(0, write, 0, 100, 20),
  ...step(0, pump, 60),
  ...step(0, read),
  ...step(1, read),
  ...step(0, pump, 30),
];
const ending = [
  ...step(1, finish, 0, 1),
  ...step(0, pump, 10),
  ...step(0, finish, 0, 1),
  ...step(0, pump, 60),
];
/** An MPTCP option of each kind, to be put into an old segment. */
const optionBytes = [
  [0x1e, 4, 0x40, 7],
  [0x1e, 4, 0x50, 1],
  [0x1e, 4, 0x81, 6],
  [0x1e, 12, 0x60, 0, 1, 2, 3, 4, 5, 6, 7, 8],
  [0x1e, 12, 0x70, 0, 1, 2, 3, 4, 5, 6, 7, 8],
  [0x1e, 16, 0x31, 9, 10, 0, 1, 1, 0x1f, 0x90, 1, 2, 3, 4, 5, 6],
  [0x1e, 20, 0x20, 4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 10, 0, 0, 0, 0, 0, 0],
  [0x1e, 20, 0x20, 5, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0],
];

function script(...parts: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flat());
}

const burst = [...step(1, connect), ...step(1, connect, 1), ...step(1, connect), ...step(1, connect, 2)];

const seeds: readonly Uint8Array[] = [
  ...[0, 1, 2, 4, 8, 16, 32, 64, 128, 255, 80].map((option) =>
    script([option], opening, exchange, exchange, ending),
  ),
  script([0], step(1, connect, 2), step(0, pump, 40), exchange, ending),
  script([0], step(0, connect, 1), step(0, pump, 40), exchange, step(0, finish, 0, 2), step(0, pump, 9)),
  ...optionBytes.map((bytes) =>
    script([16], opening, exchange, step(0, replaceOptions, 31, bytes.length / 4), bytes, exchange, ending),
  ),
  script(
    [0],
    opening,
    exchange,
    step(1, deliverChanged, 40, 1),
    step(0, moveNumbers, 31, 0x12, 0x31),
    exchange,
  ),
  script([0], opening, step(0, reportError, 3, 0, 90), step(1, reportError, 2, 3, 60), exchange, ending),
  script([0], opening, step(1, changeAddresses, 0, 0), exchange, step(1, passTime, 200, 3), exchange, ending),
  script([0], burst, step(0, pump, 60), exchange, ending),
  script(
    [4],
    opening,
    exchange,
    step(1, write, 0, 255, 50),
    step(1, forgeSack, 31, 30, 40),
    exchange,
    ending,
  ),
  script(
    [0],
    opening,
    step(1, write, 0, 255, 90),
    step(0, drop),
    step(0, pump, 9),
    step(0, passTime, 255, 2),
    exchange,
  ),
  script(
    [1],
    opening,
    exchange,
    step(1, write, 0, 200, 1),
    step(0, deliverChanged, 120, 1),
    exchange,
    ending,
  ),
  script([0], opening, step(1, tune, 0, 1, 9), step(0, passTime, 250, 4), step(1, tune, 0, 0, 1), exchange),
  script([0], opening, step(0, reportError, 0, 3, 60), step(1, changeAddresses, 1, 6), exchange, ending),
  script([0], opening, step(1, changeSubflows, 0, 1, 1), step(1, changeSubflows, 0, 4, 2), exchange, ending),
  script([0], opening, step(0, changeAddresses, 1, 2), step(0, changeAddresses, 1, 3), exchange),
  script(
    [0],
    opening,
    step(0, changeAddresses, 1, 4, 9),
    exchange,
    step(0, changeAddresses, 1, 5, 9),
    exchange,
  ),
];

export const stackTargets: readonly FuzzTarget[] = [
  { name: 'stack', seeds, maxBytes: MAX_SCRIPT_BYTES, packetsPerInput: 64, run: runScript },
];

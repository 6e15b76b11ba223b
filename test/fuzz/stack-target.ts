/**
 * The whole stack as a target: an input is a script of four-byte steps over a {@link StackWorld}, behind a byte of
 * options. Mutation works on the script, so that an input from the corpus replays the whole history that leads to a
 * finding.
 */
import { NEVER, SubflowError, assert } from '../../src/base/index.js';
import {
  MAX_TIMERS_PER_STEP,
  type Operation,
  STEP_BYTES,
  type Step,
  changeAddresses,
  changeSubflows,
  connect,
  connectWith,
  deliverChanged,
  drop,
  finish,
  forgeSack,
  moveNumbers,
  operations,
  passTime,
  pump,
  read,
  replaceOptions,
  reportError,
  signal,
  tune,
  write,
} from './stack-operations.js';
import { StackWorld } from './stack-world.js';
import type { FuzzTarget } from './target.js';

const MAX_SCRIPT_BYTES = 400;
/** Timers that may run from the end of the script until nothing is left: retransmissions of some connections. */
const MAX_LAST_TIMERS = 4000;

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
  for (const { stack, listeners } of world.parties) {
    for (const listener of listeners) listener.close(world.now);
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
    assert([...stack.sockets].length === 0, 'no socket stays');
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

/** Ways to connect: see `connectWith`. */
const manners = [0x01, 0x02, 0x03, 0x12, 0x22, 0x32, 0x40, 0x80, 0xc0, 0x04, 0x08, 0x0c, 0x13, 0x6c, 0xff];

function openingWith(manner: number): number[] {
  return [
    ...step(1, connectWith, 0, manner, manner),
    ...step(1, write, 0, 90, 3),
    ...step(0, pump, 40),
    ...step(0, passTime, 20, 0),
    ...step(0, pump, 40),
  ];
}

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
  ...manners.map((manner) => script([0], openingWith(manner), exchange, exchange, ending)),
  // A cookie first, then data in the SYN.
  ...[0, 8, 64, 136].map((option) =>
    script([option], openingWith(0x11), step(1, finish, 0, 2), openingWith(0x11), exchange, ending),
  ),
  // An address that is announced, withdrawn and announced again.
  script(
    [0],
    openingWith(0x20),
    step(0, signal, 0, 4, 1),
    step(0, pump, 9),
    step(0, signal, 0, 5, 1),
    step(0, pump, 9),
    step(0, signal, 0, 4, 1),
    exchange,
    step(1, signal, 0, 0, 8),
    step(1, signal, 0, 2, 1),
    exchange,
    step(0, finish, 0, 2),
    step(0, pump, 20),
  ),
  // The paths of a race that dies one by one.
  script(
    [0],
    step(1, connectWith, 0, 0x40, 1),
    step(1, write, 0, 200, 10),
    step(0, drop, 1),
    step(0, reportError, 1, 1, 60),
    step(1, changeAddresses, 0, 0),
    step(0, passTime, 90, 1),
    step(0, pump, 30),
    exchange,
    ending,
  ),
];

export const stackTargets: readonly FuzzTarget[] = [
  { name: 'stack', seeds, maxBytes: MAX_SCRIPT_BYTES, packetsPerInput: 64, run: runScript },
];

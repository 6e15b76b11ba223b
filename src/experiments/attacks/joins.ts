/**
 * Attacks on MP_JOIN: guessed tokens, floods with the right token, and proofs that were overheard and played back.
 * Read first: RFC 8684 §3.2 and §5, RFC 7430 §3 and §5.
 */

import { MILLISECOND, type RandomSource, SeededRandom } from '../../base/index.js';
import { defaultMptcpSettings } from '../../mptcp/index.js';
import { type Endpoint, IpAddress, type MpJoinAck, type MpJoinSyn, TcpFlag } from '../../wire/index.js';
import { TRANSFER_PORT, type TransferWorld } from '../transfer.js';
import {
  type AttackOutcome,
  ATTACK_AT_NS,
  attackSetup,
  isCompleted,
  runAttack,
  spiedSetup,
} from './attack.js';
import { forge, Spy } from './forgery.js';

/** Tokens that are tried: one in 2^32 would be right for each connection. */
const guesses = 5000;
/** SYNs of a flood. */
const floodSyns = 300;
/** An address on the second path that belongs to nobody. */
const attackerAddress = IpAddress.parse('10.0.1.66')!;

function joinSyn(token: number, nonce: number): MpJoinSyn {
  return { subtype: 'MP_JOIN', phase: 'syn', backup: false, addressId: 9, token, nonce };
}

/** Where the server takes joins. */
function serverEnd(path: number): Endpoint {
  return { address: IpAddress.parse(`10.0.${path}.1`)!, port: TRANSFER_PORT };
}

function guessOnce(seed: number, limited: boolean): AttackOutcome {
  const random = new SeededRandom(seed);
  const server = limited ? {} : { repliesPerSecond: 1e9 };
  let answers = 0;
  let subflows = 0;
  const outcome = runAttack(attackSetup(seed, { server }), (world) => {
    const { stack } = world.hosts.server;
    world.simulator.at(ATTACK_AT_NS, (now) => {
      for (let i = 0; i < guesses; i++) {
        const source = { address: attackerAddress, port: 1024 + (i % 60_000) };
        const options = [joinSyn(random.nextUint32(), i)];
        const syn = { source, destination: serverEnd(1), flags: TcpFlag.SYN, seq: i, options };
        world.hosts.server.receive(now, 1, forge(syn));
      }
      answers = stack.counters.resetsSent;
      subflows = stack.counters.joinsAccepted;
    });
  });
  return {
    ...{ attack: 'token guessing', attacker: 'off-path', shipped: limited },
    defence: limited ? 'replies limited' : 'replies unlimited',
    ...{ measure: `RSTs reflected for ${guesses} guesses`, harm: answers },
    completed: isCompleted(outcome) && subflows <= 1,
  };
}

/** Guesses at tokens: nothing is kept for them, and answers are rationed. */
export function tokenGuessing(seed: number): readonly AttackOutcome[] {
  return [guessOnce(seed, false), guessOnce(seed, true)];
}

/** Half-open joins that the server holds. */
function halfOpenJoins(world: TransferWorld): number {
  const subflows = world.server.socket?.connection.subflows ?? [];
  return subflows.filter(({ state, isInitial }) => state === 'opening' && !isInitial).length;
}

/** What a flood came to. */
export interface JoinFlood {
  /** Most half-open joins that the server held. */
  readonly held: number;
  /** Whether the client's own join, begun during the flood, came through. */
  readonly joined: boolean;
  /** How often a join of the client's failed before. */
  readonly retries: number;
  readonly completed: boolean;
}

/** SYNs with the right token, while the client wants to join too. */
export function runJoinFlood(seed: number, maxSubflows: number, count = floodSyns): JoinFlood {
  let held = 0;
  const setup = attackSetup(seed, {
    server: { mptcp: { ...defaultMptcpSettings, maxSubflows } },
    incidents: [
      { atNs: 0, act: (now, links) => links[1]!.backward.setState(now, 'down') },
      { atNs: ATTACK_AT_NS + 100 * MILLISECOND, act: (now, links) => links[1]!.backward.setState(now, 'up') },
    ],
    downloadBytes: 8_000_000,
  });
  const outcome = runAttack(setup, (world) => {
    for (let i = 0; i < count; i++) {
      world.simulator.at(ATTACK_AT_NS + i * MILLISECOND, (now) => {
        const token = world.server.socket?.connection.localToken;
        if (token === undefined) return;
        const source = { address: attackerAddress, port: 1024 + i };
        const options = [joinSyn(token, i)];
        world.hosts.server.receive(
          now,
          1,
          forge({ source, destination: serverEnd(1), flags: TcpFlag.SYN, seq: i, options }),
        );
        held = Math.max(held, halfOpenJoins(world));
      });
    }
  });
  const notes = outcome.client.subflows.filter(({ path }) => path === 1);
  const opened = notes.findIndex(({ what }) => what === 'opened');
  const retries = notes.slice(0, Math.max(0, opened)).filter(({ what }) => what === 'closed').length;
  return { held, joined: opened >= 0, retries, completed: isCompleted(outcome) };
}

/** SYNs with a token that was overheard: half-open joins have a limit. */
export function joinFlood(seed: number): readonly AttackOutcome[] {
  const row = (maxSubflows: number, defence: string, shipped: boolean): AttackOutcome => {
    const { held, completed } = runJoinFlood(seed, maxSubflows);
    const measure = `half-open joins held in a flood of ${floodSyns}`;
    return {
      attack: 'join flood, token known',
      attacker: 'one path',
      defence,
      shipped,
      measure,
      harm: held,
      completed,
    };
  };
  return [
    row(1e6, 'subflows unlimited', false),
    row(defaultMptcpSettings.maxSubflows, `at most ${defaultMptcpSettings.maxSubflows} subflows`, true),
  ];
}

/** A generator that gives the same number for ever once it is told to. */
class StuckRandom implements RandomSource {
  isStuck = false;
  private readonly inner: SeededRandom;

  constructor(seed: number) {
    this.inner = new SeededRandom(seed);
  }

  nextUint32(): number {
    return this.isStuck ? 0x1234_5678 : this.inner.nextUint32();
  }
}

/** The client's join is overheard and played back from another address. */
function replayOnce(seed: number, isStuck: boolean): AttackOutcome {
  const random = new StuckRandom(seed);
  const spy = new Spy();
  let syn: MpJoinSyn | undefined;
  let proof: MpJoinAck | undefined;
  const attacker: Endpoint = { address: attackerAddress, port: 6666 };
  let admitted = 0;
  const setup = attackSetup(seed, {
    random: { server: random },
    incidents: [
      { atNs: 0, act: (now, links) => links[1]!.backward.setState(now, 'down') },
      { atNs: 150 * MILLISECOND, act: () => (random.isStuck = isStuck) },
      { atNs: 200 * MILLISECOND, act: (now, links) => links[1]!.backward.setState(now, 'up') },
    ],
  });
  const outcome = runAttack(spiedSetup(setup, [undefined, spy]), (world) => {
    const { server } = world.hosts;
    spy.onSegment = (now, segment, direction) => {
      const join = segment.mptcp.find((option) => option.subtype === 'MP_JOIN');
      if (direction === 'outward' && join?.phase === 'syn') syn ??= join;
      if (direction === 'outward' && join?.phase === 'ack') proof ??= join;
      if (direction === 'outward' || join?.phase !== 'synack' || proof === undefined) return;
      if (!segment.destination.address.equals(attackerAddress)) return;
      const ack = { source: attacker, destination: segment.source, flags: TcpFlag.ACK, options: [proof] };
      const { seq } = segment;
      world.simulator.at(now, (at) => server.receive(at, 1, forge({ ...ack, seq: 101, ack: seq + 1 })));
    };
    world.simulator.at(ATTACK_AT_NS + 100 * MILLISECOND, (now) => {
      if (syn === undefined) return;
      server.receive(
        now,
        1,
        forge({ source: attacker, destination: serverEnd(1), flags: TcpFlag.SYN, seq: 100, options: [syn] }),
      );
    });
    world.simulator.at(ATTACK_AT_NS + 400 * MILLISECOND, () => {
      const subflows = world.server.socket?.connection.subflows ?? [];
      admitted = subflows.filter(
        ({ state, remote }) => state === 'active' && remote.address.equals(attackerAddress),
      ).length;
    });
  });
  return {
    ...{ attack: 'join replayed', attacker: 'one path', shipped: !isStuck },
    defence: isStuck ? 'the same nonce each time' : 'a new nonce for each join',
    ...{ measure: "subflows of the attacker's admitted", harm: admitted, completed: isCompleted(outcome) },
  };
}

/** A join that was overheard, played back. */
export function joinReplay(seed: number): readonly AttackOutcome[] {
  return [replayOnce(seed, true), replayOnce(seed, false)];
}

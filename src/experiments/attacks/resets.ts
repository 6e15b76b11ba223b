/**
 * Blind resets and SYNs: an attacker who sees nothing, but knows the addresses and ports, tries sequence numbers all over
 * the space. Read first: RFC 5961 §3 and §4, Watson: Slipping in the Window (2004).
 */

import { TcpFlag } from '../../wire/index.js';
import type { TransferWorld } from '../transfer.js';
import { type AttackOutcome, attackSetup, ATTACK_AT_NS, isCompleted, runAttack } from './attack.js';
import { forge } from './forgery.js';

/** Distance of the numbers tried: no window of an open connection is smaller for long. */
const stride = 65_000;
/** The window that an attacker reckons with. */
const windowBytes = 0xffff;

/** What came of the forged segments. */
interface Shots {
  /** Those that lay inside the receive window, which RFC 793 takes for real. */
  insideWindow: number;
}

/** Tries all of the sequence space against the client's first subflow. */
function shoot(world: TransferWorld, flags: number, shots: Shots): void {
  world.simulator.at(ATTACK_AT_NS, (now) => {
    const { client } = world.hosts;
    const subflow = world.client.socket!.connection.subflows[0]!;
    const expected = (subflow.peerInitialSeq + subflow.tcp.rcvNxt) >>> 0;
    for (let seq = 0; seq < 2 ** 32; seq += stride) {
      if ((seq - expected) >>> 0 < windowBytes) shots.insideWindow++;
      client.receive(now, 0, forge({ source: subflow.remote, destination: subflow.local, flags, seq }));
    }
  });
}

function blind(seed: number, name: string, flags: number): readonly AttackOutcome[] {
  const shots: Shots = { insideWindow: 0 };
  const outcome = runAttack(attackSetup(seed), (world) => shoot(world, flags, shots));
  const lost = outcome.client.subflows.filter(
    ({ what, reason }) => what === 'closed' && reason === 'reset',
  ).length;
  const common = { attack: name, attacker: 'off-path', measure: 'segments that end a subflow' } as const;
  const completed = isCompleted(outcome);
  return [
    { ...common, defence: 'the rule of RFC 793', shipped: false, harm: shots.insideWindow, completed: false },
    { ...common, defence: 'RFC 5961', shipped: true, harm: lost, completed },
  ];
}

/** RSTs across the sequence space. */
export function blindReset(seed: number): readonly AttackOutcome[] {
  return blind(seed, 'blind reset', TcpFlag.RST);
}

/** SYNs across the sequence space: inside the window one used to reset the connection. */
export function blindSyn(seed: number): readonly AttackOutcome[] {
  return blind(seed, 'blind SYN', TcpFlag.SYN);
}

/** What attacks have in common: who attacks, in which world, and how the outcome is told. */

import { MILLISECOND, SECOND } from '../../base/index.js';
import { type Device, type Side, TapDevice } from '../../network/index.js';
import { TransferWorld, type TransferOutcome, type TransferSetup } from '../transfer.js';
import type { Spy } from './forgery.js';

/** Where the attacker stands. */
export type Position = 'off-path' | 'one path' | 'handshake path' | 'peer';

/** One attack against one configuration. */
export interface AttackOutcome {
  readonly attack: string;
  readonly attacker: Position;
  /** What was different from the default settings, or what an older stack would do. */
  readonly defence: string;
  /** Whether it is the stack with its default settings. */
  readonly shipped: boolean;
  /** What `harm` counts. */
  readonly measure: string;
  /** How much harm was done. */
  readonly harm: number;
  /** Whether the victim's transfer completed, byte for byte. */
  readonly completed: boolean;
}

/** An attack: once without a defence (or with what the attacker lacks), once as shipped. */
export type Attack = (seed: number) => readonly AttackOutcome[];

/** When attacks begin, in ns: a transfer is under way over both paths. */
export const ATTACK_AT_NS = 300 * MILLISECOND;

/** An upload and a download over two paths of 10 Mbit/s, for several hundred ms. */
export function attackSetup(seed: number, changes: Partial<TransferSetup> = {}): TransferSetup {
  const both = { rateBps: 10e6, delayNs: 10 * MILLISECOND };
  return {
    seed,
    paths: [
      { name: 'first', both },
      { name: 'second', both },
    ],
    uploadBytes: 400_000,
    downloadBytes: 1_500_000,
    untilNs: 60 * SECOND,
    ...changes,
  };
}

/** The same with a spy at the client's device of each path that has one. */
export function spiedSetup(setup: TransferSetup, spies: readonly (Spy | undefined)[]): TransferSetup {
  const paths = setup.paths.map((path, index) => {
    const spy = spies[index];
    if (spy === undefined) return path;
    const wrap = (device: Device, side: Side): Device =>
      side === 'client' ? new TapDevice(device, [spy]) : device;
    return { ...path, wrap };
  });
  return { ...setup, paths };
}

/** Runs a world to its end with an attack in it. */
export function runAttack(setup: TransferSetup, prepare: (world: TransferWorld) => void): TransferOutcome {
  const world = new TransferWorld(setup);
  prepare(world);
  return world.run();
}

/** Whether both ends got all that the other wrote. */
export function isCompleted({ client, server }: TransferOutcome): boolean {
  return client.isComplete && server.isComplete;
}

/** The runs of `mp-prio-attack`: a download over two paths, with somebody on the first who wants all of it. */

import { MILLISECOND } from '../../base/index.js';
import { defaultMptcpSettings } from '../../mptcp/index.js';
import { type Device, type Side, TapDevice } from '../../network/index.js';
import { forgeToServer, Spy } from '../attacks/forgery.js';
import { type TransferOutcome, TransferWorld } from '../transfer.js';

/** One line of the table. */
export interface Variant {
  readonly version: 0 | 1;
  /** Whether `acceptPriorityForAddress` is on; off is how the stack ships. */
  readonly accepts: boolean;
  readonly attacked: boolean;
}

/** What is run, in the order of the table. */
export const variants: readonly Variant[] = [
  { version: 0, accepts: true, attacked: false },
  { version: 0, accepts: true, attacked: true },
  { version: 0, accepts: false, attacked: true },
  { version: 1, accepts: false, attacked: true },
  { version: 1, accepts: true, attacked: true },
];

/** The parameters, in their units. */
export interface PriorityParameters {
  readonly rateBps: number;
  readonly delayNs: number;
  readonly sizeBytes: number;
  readonly attackAtNs: number;
}

/** One run, measured. */
export interface PriorityRun {
  readonly variant: Variant;
  readonly outcome: TransferOutcome;
  /** Share of the bytes delivered after the attack, and a moment for what was on the way, that came over path 1. */
  readonly otherShare: number;
  /** Times that the server changed its mind on a subflow's priority. */
  readonly priorityChanges: number;
}

/** Address IDs that the attacker tries: hosts count theirs from 1. */
const triedIds = 8;

/** Runs one variant. */
export function runVariant(parameters: PriorityParameters, variant: Variant, seed: number): PriorityRun {
  const { rateBps, delayNs, sizeBytes, attackAtNs } = parameters;
  const spy = new Spy();
  const mptcp = {
    ...defaultMptcpSettings,
    versions: [variant.version],
    acceptPriorityForAddress: variant.accepts,
  };
  const both = { rateBps, delayNs, queue: { ns: 50 * MILLISECOND } };
  const world = new TransferWorld({
    seed,
    paths: [
      {
        ...{ name: "the attacker's path", both },
        wrap: (device: Device, side: Side) => (side === 'client' ? new TapDevice(device, [spy]) : device),
      },
      { name: 'the other path', both },
    ],
    ...{ client: { mptcp }, server: { mptcp }, downloadBytes: sizeBytes },
  });
  if (variant.attacked) world.simulator.at(attackAtNs, (now) => attack(world, now, spy));
  const outcome = world.run();
  return {
    ...{ variant, outcome },
    otherShare: shareOf(outcome, attackAtNs + 4 * delayNs + 200 * MILLISECOND),
    priorityChanges: outcome.server.subflows.filter(({ what }) => what === 'priority').length,
  };
}

/** Says in the client's name that its addresses are for backup; the ID of the attacker's own path is 0. */
function attack(world: TransferWorld, now: number, spy: Spy): void {
  for (let addressId = 1; addressId <= triedIds; addressId++) {
    const packet = forgeToServer(spy, [{ subtype: 'MP_PRIO', backup: true, addressId }]);
    if (packet !== undefined) world.hosts.server.receive(now, 0, packet);
  }
}

/** The share of path 1 of what came from `fromNs` on. */
function shareOf({ client }: TransferOutcome, fromNs: number): number {
  const { arrivals } = client;
  const start = arrivals.find(({ atNs }) => atNs >= fromNs)?.pathBytes ?? [];
  const end = arrivals.at(-1)?.pathBytes ?? [];
  const grown = [0, 1].map((path) => (end[path] ?? 0) - (start[path] ?? 0));
  const total = grown[0]! + grown[1]!;
  return total === 0 ? 0 : grown[1]! / total;
}

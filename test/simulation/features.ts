/**
 * What a world has beyond paths and transfers: each feature is drawn on dice of its own, so that another one more does
 * not change the others. Most worlds have none; few have more than two.
 */

import { MILLISECOND, SECOND } from '../../src/base/index.js';
import { schedulers } from '../../src/mptcp/index.js';
import { type LinkFacts, serviceTypes } from '../../src/policy/index.js';
import { middleboxBehaviours } from '../../src/network/index.js';
import { congestionControls } from '../../src/tcp/index.js';
import { type MptcpVersion, nat64PrefixLengths } from '../../src/wire/index.js';
import { diceFor } from './dice.js';
import type { Incident, PathPlan, StackPlan, WorldPlan } from './draw.js';

/** Schedulers other than the default. */
const schedulerNames = Object.keys(schedulers).filter((name) => name !== 'lowest-rtt');

/** Adds features to a plan. */
type Feature = (plan: WorldPlan) => WorldPlan;

/** The plan with the features of its seed. */
export function withFeatures(plan: WorldPlan): WorldPlan {
  return features.reduce((sofar, add) => add(sofar), plan);
}

/** What of a plan a summary counts, by name: single features. */
const single: readonly (readonly [name: string, has: (plan: WorldPlan) => boolean])[] = [
  ['own versions', hasVersionList],
  ['DSS checksums', ({ client, server }) => client.dataChecksum || server.dataChecksum],
  [
    'fast close by ACK',
    ({ client, server }) => [client, server].some(({ fastClose }) => fastClose === 'ack'),
  ],
  ['Fast Open', hasFastOpen],
  ['robust establishment', ({ connections }) => connections.some(({ robust }) => robust !== undefined)],
  ['NAT64', ({ paths }) => paths.some(({ nat64 }) => nat64 !== undefined)],
  ['an attacker', ({ attack }) => attack !== undefined],
  ['a middlebox', ({ paths }) => paths.some(({ box }) => box !== undefined)],
];

/** The same: choices that each side of every world makes. */
const choices: readonly (readonly [name: string, has: (plan: WorldPlan) => boolean])[] = [
  ...schedulerNames.map(
    (name) =>
      [
        `scheduler ${name}`,
        ({ client, server }: WorldPlan) => [client, server].some(({ scheduler }) => scheduler === name),
      ] as const,
  ),
  [
    'without opportunistic retransmission',
    ({ client, server }) => [client, server].some((side) => !side.opportunisticRetransmission),
  ],
  ...serviceTypes.map(
    (type) => [`service type ${type}`, ({ client }: WorldPlan) => client.serviceType === type] as const,
  ),
  ['without penalisation', ({ client, server }) => [client, server].some((side) => !side.penalisation)],
];

/** The same: features that once stood in each other's way, together. */
const combined: readonly (readonly [name: string, has: (plan: WorldPlan) => boolean])[] = [
  ['own versions and an abort', (plan) => hasVersionList(plan) && hasAbort(plan)],
  ['own versions and Fast Open', (plan) => hasVersionList(plan) && hasFastOpen(plan)],
  ['several features', (plan) => single.filter(([, has]) => has(plan)).length > 1],
];

/** The congestion controls, by name: every world has one or two. */
const controls: typeof single = Object.keys(congestionControls).map((name) => [
  `congestion control ${name}`,
  ({ client, server }) => client.congestion === name || server.congestion === name,
]);

const counted = [...single, ...choices, ...combined, ...controls];

/** Names of the features that a plan has, all of them; the order is fixed. */
export const featureNames: readonly string[] = counted.map(([name]) => name);

/** Names of the features that `plan` has. */
export function featuresOf(plan: WorldPlan): string[] {
  return counted.filter(([, has]) => has(plan)).map(([name]) => name);
}

/** Whether a side speaks version 0 first, or one version only. */
function hasVersionList({ client, server }: WorldPlan): boolean {
  return [client, server].some(({ versions }) => versions.length !== 2 || versions[0] !== 1);
}

function hasFastOpen({ connections }: WorldPlan): boolean {
  return connections.some(({ fastOpen }) => fastOpen !== undefined);
}

function hasAbort({ connections }: WorldPlan): boolean {
  return connections.some(({ client, server }) => [client, server].some(({ ending }) => ending === 'abort'));
}

const features: readonly Feature[] = [
  drawSchedulers,
  drawVersions,
  drawFastClose,
  drawFastOpen,
  drawCongestion,
  drawRobustness,
  drawNat64,
  drawBox,
  drawAttack,
  drawServiceType,
];

/** Each side has a scheduler of its own in half of the worlds, and does without what helps a small window in some. */
function drawSchedulers(plan: WorldPlan): WorldPlan {
  const dice = diceFor('schedulers', plan.seed);
  const draw = (side: StackPlan): StackPlan => ({
    ...side,
    ...(dice.chance(0.5) && { scheduler: dice.pick(schedulerNames) }),
    opportunisticRetransmission: dice.chance(0.7),
    penalisation: dice.chance(0.7),
  });
  return { ...plan, client: draw(plan.client), server: draw(plan.server) };
}

const versionLists: readonly (readonly MptcpVersion[])[] = [[1, 0], [0, 1], [1], [0], [0]];

/** In every other world each side has any congestion control that there is. */
function drawCongestion(plan: WorldPlan): WorldPlan {
  const dice = diceFor('congestion', plan.seed);
  if (!dice.chance(0.5)) return plan;
  const names = Object.keys(congestionControls);
  const [client, server] = [dice.pick(names), dice.pick(names)];
  return {
    ...plan,
    client: { ...plan.client, congestion: client },
    server: { ...plan.server, congestion: server },
  };
}

/** Each side speaks what it likes, so that the two may agree, compromise or end as plain TCP. */
function drawVersions(plan: WorldPlan): WorldPlan {
  const dice = diceFor('versions', plan.seed);
  if (!dice.chance(0.08)) return plan;
  const isAlike = dice.chance(0.4);
  const versions = dice.pick(versionLists);
  return {
    ...plan,
    client: { ...plan.client, versions },
    server: { ...plan.server, versions: isAlike ? versions : dice.pick(versionLists) },
  };
}

function drawFastClose(plan: WorldPlan): WorldPlan {
  const dice = diceFor('fast-close', plan.seed);
  const draw = (): 'reset' | 'ack' => (dice.chance(0.05) ? 'ack' : 'reset');
  return {
    ...plan,
    client: { ...plan.client, fastClose: draw() },
    server: { ...plan.server, fastClose: draw() },
  };
}

/** Data in SYNs, to a server that takes it or not. A second connection shows what a cookie of the first is good for. */
function drawFastOpen(plan: WorldPlan): WorldPlan {
  const dice = diceFor('fast-open', plan.seed);
  if (!dice.chance(0.05)) return plan;
  const fastOpen = dice.pick([true, true, 'without-cookie'] as const);
  const server = { requireCookie: dice.chance(0.7), earlyAnswer: dice.chance(0.3) };
  const isTaken = dice.chance(0.85);
  const [first] = plan.connections;
  const connections =
    plan.connections.length > 1
      ? plan.connections
      : [first!, { ...first!, startAt: first!.startAt + dice.magnitude(100 * MILLISECOND, 2 * SECOND) }];
  return {
    ...plan,
    connections: connections.map((connection) => ({ ...connection, fastOpen })),
    ...(isTaken && { fastOpen: server }),
  };
}

/** Not with Fast Open, with which the server could get the data of the SYN several times. */
function drawRobustness(plan: WorldPlan): WorldPlan {
  const dice = diceFor('robust', plan.seed);
  if (!dice.chance(0.03) || plan.paths.length < 2) return plan;
  const robust = dice.pick(['timeout', 'simultaneous'] as const);
  const connections = plan.connections.map((connection) =>
    connection.fastOpen === undefined ? { ...connection, robust } : connection,
  );
  return { ...plan, connections };
}

/** The client's end of one path is IPv6 only, while the server has nothing but IPv4. */
function drawNat64(plan: WorldPlan): WorldPlan {
  const dice = diceFor('nat64', plan.seed);
  if (!dice.chance(0.06) || plan.paths.some(({ families }) => families !== 'ipv4')) return plan;
  const index = dice.below(plan.paths.length);
  const path = plan.paths[index]!;
  const nat64 = {
    prefixLength: dice.pick(nat64PrefixLengths),
    ipv6Mtu: dice.chance(0.7) ? Math.max(1500, path.mtu) : 1280,
    filtering: dice.pick(['endpoint-independent', 'address-and-port-dependent'] as const),
  };
  return { ...plan, paths: plan.paths.with(index, { ...path, nat: false, nat64 }) };
}

/**
 * In a quarter of the worlds the client has a service type, and often the server too: it is told what its links are, and
 * of signals and carriers that come and go.
 */
function drawServiceType(plan: WorldPlan): WorldPlan {
  const dice = diceFor('service-type', plan.seed);
  if (!dice.chance(0.25)) return plan;
  const serviceType = dice.pick(serviceTypes);
  const isShared = dice.chance(0.6);
  return {
    ...plan,
    client: { ...plan.client, serviceType },
    server: isShared ? { ...plan.server, serviceType } : plan.server,
    paths: plan.paths.map((path) => withLink(path, dice)),
  };
}

const linkKinds: readonly LinkFacts['kind'][] = ['wired', 'wifi', 'cellular', 'unknown'];

/** What the client learns of one link; only one that fails by other means too loses its carrier. */
function withLink(path: PathPlan, dice: ReturnType<typeof diceFor>): PathPlan {
  const link: LinkFacts = { kind: dice.pick(linkKinds), isMetered: dice.chance(0.3), hasCarrier: true };
  const incidents: Incident[] = [];
  for (let left = dice.below(4); left > 0; left--) {
    const at = dice.magnitude(5 * MILLISECOND, 20 * SECOND);
    incidents.push({ at, kind: 'signal', value: -50 - dice.below(45) });
  }
  if (path.incidents.some(({ kind }) => kind === 'down' || kind === 'blackhole') && dice.chance(0.5)) {
    const at = dice.magnitude(5 * MILLISECOND, 10 * SECOND);
    incidents.push({ at, kind: 'no-carrier', value: 0 });
    if (dice.chance(0.8))
      incidents.push({ at: at + dice.magnitude(10 * MILLISECOND, 20 * SECOND), kind: 'carrier', value: 0 });
  }
  return { ...path, link, incidents: [...path.incidents, ...incidents] };
}

/** Somebody shoots at both hosts. */
function drawAttack(plan: WorldPlan): WorldPlan {
  const dice = diceFor('attack', plan.seed);
  if (!dice.chance(0.05)) return plan;
  const intervalNs = dice.magnitude(MILLISECOND, 100 * MILLISECOND);
  return { ...plan, attack: { packets: dice.magnitude(10, 200), intervalNs } };
}

/** A box on one path. Translators take the place of the one that the path has; not of NAT64, behind which boxes stand. */
function drawBox(plan: WorldPlan): WorldPlan {
  const dice = diceFor('box', plan.seed);
  if (!dice.chance(0.05)) return plan;
  const index = dice.chance(0.5) ? 0 : dice.below(plan.paths.length);
  const path = plan.paths[index]!;
  const fitting = middleboxBehaviours.filter(({ translates }) => path.nat || translates !== true);
  const { name: box } = dice.pick(fitting);
  // A box that writes to a damaged packet gives it a checksum that is right, so that nobody could tell.
  const forward = { ...path.forward, corruptProbability: 0 };
  const backward = { ...path.backward, corruptProbability: 0 };
  return { ...plan, paths: plan.paths.with(index, { ...path, forward, backward, box }) };
}

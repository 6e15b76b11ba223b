/**
 * What a world has beyond paths and transfers: each feature is drawn on dice of its own, so that another one more does
 * not change the others. Most worlds have none; few have more than two.
 */

import type { MptcpVersion } from '../../src/wire/index.js';
import { diceFor } from './dice.js';
import type { StackPlan, WorldPlan } from './draw.js';

/** Adds features to a plan. */
type Feature = (plan: WorldPlan) => WorldPlan;

/** The plan with the features of its seed. */
export function withFeatures(plan: WorldPlan): WorldPlan {
  return features.reduce((sofar, add) => add(sofar), plan);
}

/** What of a plan a summary counts, by name. */
const counted: readonly (readonly [name: string, has: (plan: WorldPlan) => boolean])[] = [
  ['version 0 or one version only', ({ client, server }) => [client, server].some(hasOwnVersions)],
  ['DSS checksums', ({ client, server }) => client.dataChecksum || server.dataChecksum],
  [
    'fast close by ACK',
    ({ client, server }) => [client, server].some(({ fastClose }) => fastClose === 'ack'),
  ],
];

/** Names of the features that a plan has, all of them; the order is fixed. */
export const featureNames: readonly string[] = counted.map(([name]) => name);

/** Names of the features that `plan` has. */
export function featuresOf(plan: WorldPlan): string[] {
  return counted.filter(([, has]) => has(plan)).map(([name]) => name);
}

function hasOwnVersions({ versions }: StackPlan): boolean {
  return versions.length !== 2 || versions[0] !== 1;
}

const features: readonly Feature[] = [drawVersions, drawFastClose];

const versionLists: readonly (readonly MptcpVersion[])[] = [[1, 0], [0, 1], [1], [0], [0]];

/** Each side speaks what it likes, so that the two may agree, compromise or end as plain TCP. */
function drawVersions(plan: WorldPlan): WorldPlan {
  const dice = diceFor('versions', plan.seed);
  if (!dice.chance(0.15)) return plan;
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
  const draw = (): 'reset' | 'ack' => (dice.chance(0.2) ? 'ack' : 'reset');
  return {
    ...plan,
    client: { ...plan.client, fastClose: draw() },
    server: { ...plan.server, fastClose: draw() },
  };
}

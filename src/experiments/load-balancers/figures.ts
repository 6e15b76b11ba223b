/** The figures of `load-balancers`. */

import { designNames } from '../../balancer/index.js';
import { renderFigure } from '../../plot/index.js';
import { type BalancingParameters, type BalancingRun, type DesignRuns, incidents, over } from './runs.js';

/** Means of all designs at one level, in percent. */
function percents(
  all: readonly DesignRuns[],
  level: DesignRuns['level'],
  valueOf: (run: BalancingRun) => number,
): number[] {
  return designNames.map((design) => {
    const one = all.find((each) => each.design === design && each.level === level)!;
    return over(one, (run) => 100 * valueOf(run)).mean;
  });
}

/** Connections whose join found its server. */
export function joinsFigure(
  all: readonly DesignRuns[],
  parameters: BalancingParameters,
  source: string,
): string {
  const { servers, clients, perClient, flows, runs } = parameters;
  return renderFigure({
    kind: 'bars',
    title: `Joins that find their server, one of ${servers}`,
    caption:
      `Engine: ${clients * perClient} connections with this stack at both ends. Flows: ${flows} connections without ` +
      `one. Means of ${runs} runs. After ${source}.`,
    x: { label: 'design of the balancer' },
    y: { label: 'connections with a join', unit: '%', low: 0, high: 100 },
    categories: designNames,
    groups: (['engine', 'flows'] as const).map((level) => ({
      name: level,
      values: percents(all, level, ({ joinedShare }) => joinedShare),
    })),
  });
}

/** Connections that broke by each incident. */
export function brokenFigure(
  all: readonly DesignRuns[],
  { flows, servers, runs }: BalancingParameters,
  source: string,
): string {
  return renderFigure({
    kind: 'bars',
    title: 'Connections that break although their server lives on',
    caption:
      `${flows} connections to ${servers} servers, each with a join, flow by flow: a server is added, one drained, one dies, another ` +
      `balancer takes over without tables of flows. Means of ${runs} runs. After ${source}.`,
    x: { label: 'design of the balancer' },
    y: { label: 'connections broken', unit: '%', low: 0 },
    categories: designNames,
    groups: incidents.map((name, index) => ({
      name,
      values: percents(all, 'flows', ({ brokenShares }) => brokenShares[index]!),
    })),
  });
}

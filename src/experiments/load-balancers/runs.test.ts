import { describe, expect, it } from 'vitest';
import { designNames } from '../../balancer/index.js';
import { incidents, runEngine, runFlows } from './runs.js';

const parameters = { clients: 20, perClient: 5, servers: 4, runs: 1, flows: 40_000 };
const connections = parameters.clients * parameters.perClient;

/** Whether `share` of the engine's connections may be chance where it should be `expected`. */
function expectChance(what: string, share: number, expected: number): void {
  // Four standard deviations; and no two tables of a hash are alike: a server's share of it varies by some percent.
  const deviation = Math.sqrt((expected * (1 - expected)) / connections);
  expect(Math.abs(share - expected), what).toBeLessThanOrEqual(4 * deviation + 0.05 * expected);
}

describe('the engine and the simulation of flows', () => {
  it.each(designNames)('agree on joins, on what each incident breaks and on overhead with %s', (design) => {
    const engine = runEngine(design, parameters, 5);
    const flows = runFlows(design, parameters, 5);
    expectChance('joined', engine.joinedShare, flows.joinedShare);
    incidents.forEach((incident, index) => {
      expectChance(incident, engine.brokenShares[index]!, flows.brokenShares[index]!);
    });
    expect(engine.detourShare > 0).toBe(flows.detourShare > 0);
    // A detour is the business of servers in the engine's world, and the second encapsulation with it.
    const once = flows.overheadBytesPerPacket / (1 + flows.detourShare);
    expect(Math.abs(engine.overheadBytesPerPacket - once)).toBeLessThan(2);
  });
});

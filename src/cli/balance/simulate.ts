/** `subflow balance simulate`: designs of balancers compared, flow by flow. */

import type { Command } from 'commander';
import {
  checkFlowSimulation,
  type DesignName,
  designNames,
  type FlowSimulationOptions,
  maxScenarioEvents,
  maxSimulatedBalancers,
  maxSimulatedConnections,
  maxSimulatedJoins,
  maxSimulatedServers,
  maxServerWeight,
  type ScenarioEvent,
  scenarioEventKinds,
} from '../../balancer/index.js';
import { SubflowError } from '../../base/index.js';
import { UsageError } from '../errors.js';
import { StepLine } from '../experiment/step-line.js';
import { parseDuration, parseInteger, parseProbability } from '../units.js';
import { simulateDesigns } from './simulate-designs.js';
import { simulationText } from './simulate-text.js';

interface SimulateFlags {
  readonly design?: DesignName;
  readonly connections: number;
  readonly joins: number;
  readonly servers: number;
  readonly weights?: readonly number[];
  readonly balancers: number;
  readonly events?: readonly ScenarioEvent[];
  readonly routeFlaps: number;
  /** In ns. */
  readonly interval?: number;
  readonly missedTokens: number;
  readonly seed: number;
  readonly json?: true;
}

const description = `Simulates connections with joins behind balancers of every design, flow by flow, while servers come, drain, die and leave; prints what broke although its server lives on, and what it cost.

Events happen in the order given, the same to every design: add (a server comes), drain (one takes no new connections), kill (one dies), remove (one is taken off the list, a draining one if there is any), flap (routers choose balancers by another hash), lose (a balancer is gone), restart (all balancers begin anew, with what they tell each other and without tables of flows); add:3 is three at once, kill@2 hits server 2.`;

/** Declares `subflow balance simulate`. */
export function declareSimulate(command: Command): void {
  command
    .description(description)
    .option('--design <name>', `one design only: ${designNames.join(', ')}`, parseDesign)
    .option(
      '--connections <number>',
      'how many, 1 to 10,000,000',
      number(1, maxSimulatedConnections),
      100_000,
    )
    .option('--joins <number>', `joins of each, 0 to ${maxSimulatedJoins}`, number(0, maxSimulatedJoins), 1)
    .option(
      '--servers <number>',
      `servers at first, 1 to ${maxSimulatedServers}`,
      number(1, maxSimulatedServers),
      10,
    )
    .option(
      '--weights <list>',
      'weights of the servers, over and over: 1,2,4 (default: all the same)',
      parseWeights,
      [1],
    )
    .option(
      '--balancers <number>',
      `balancers side by side, 1 to ${maxSimulatedBalancers}`,
      number(1, maxSimulatedBalancers),
      1,
    )
    .option('--events <list>', 'what happens; none for nothing (default: add,drain,kill,remove)', parseEvents)
    .option('--route-flaps <number>', 'flaps spread among the events', number(0, maxScenarioEvents), 0)
    .option('--interval <time>', 'time between events (default: 30s)', parseDuration)
    .option(
      '--missed-tokens <share>',
      'tokens that do not get from balancer to balancer',
      parseProbability,
      0,
    )
    .option('--seed <number>', 'seed of every random choice', number(0, Number.MAX_SAFE_INTEGER), 1)
    .option('--json', 'print one object for scripts')
    .action(simulate);
}

async function simulate({ design, json, interval, seed, ...flags }: SimulateFlags): Promise<void> {
  const designs = design === undefined ? designNames : [design];
  const scenario = { ...flags, seed, ...(interval !== undefined && { intervalNs: interval }) };
  const all = designs.map((each): FlowSimulationOptions => ({ ...scenario, design: each }));
  requireSimulable(all[0]!);
  const line = new StepLine(process.stderr, json !== true);
  const rows = await simulateDesigns(all, (progress, underWay) => {
    void line.step(progress, 1, underWay.join(', '));
  });
  line.end();
  const text = json
    ? JSON.stringify({ schema: 'subflow/balance-simulate/1', seed, rows })
    : simulationText(rows);
  process.stdout.write(`${text}\n`);
}

function requireSimulable(options: FlowSimulationOptions): void {
  try {
    checkFlowSimulation(options);
  } catch (error) {
    if (error instanceof SubflowError) throw new UsageError(error.message, error.hint);
    throw error;
  }
}

const number =
  (low: number, high: number) =>
  (text: string): number =>
    parseInteger(text, low, high);

function parseDesign(name: string): DesignName {
  const design = designNames.find((each) => each === name);
  if (design !== undefined) return design;
  throw new UsageError(`there is no design '${name}'`, `there are: ${designNames.join(', ')}`);
}

function parseWeights(text: string): readonly number[] {
  return text.split(',').map((each) => parseInteger(each, 1, maxServerWeight));
}

function parseEvents(text: string): readonly ScenarioEvent[] {
  if (text === 'none') return [];
  return text.split(',').map((each): ScenarioEvent => {
    const [, name, server, count] = /^([a-z]+)(?:@(\d+)|:(\d+))?$/.exec(each.trim()) ?? [];
    const kind = scenarioEventKinds.find((known) => known === name);
    if (kind === undefined)
      throw new UsageError(`'${each}' is no event`, `there are: ${scenarioEventKinds.join(', ')}`);
    return {
      kind,
      ...(count !== undefined && { count: parseInteger(count, 1, maxSimulatedServers) }),
      ...(server !== undefined && { server: parseInteger(server, 1, maxSimulatedServers) }),
    };
  });
}

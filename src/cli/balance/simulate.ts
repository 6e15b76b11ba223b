/** `subflow balance simulate`: designs of balancers compared, flow by flow. */

import type { Command } from 'commander';
import {
  type DesignName,
  designNames,
  type FlowSimulationRow,
  maxSimulatedConnections,
  simulateFlows,
} from '../../balancer/index.js';
import { UsageError } from '../errors.js';
import { tableLines } from '../table.js';
import { parseInteger } from '../units.js';

interface SimulateFlags {
  readonly design?: DesignName;
  readonly connections: number;
  readonly seed: number;
  readonly json?: true;
}

/** Declares `subflow balance simulate`. */
export function declareSimulate(command: Command): void {
  command
    .description(
      'Simulates connections with a join each behind a balancer of every design, flow by flow, while one server comes, one ' +
        'drains and one dies; prints what broke although its server lives on.',
    )
    .option('--design <name>', `one design only: ${designNames.join(', ')}`, parseDesign)
    .option('--connections <number>', 'how many, 1 to 10,000,000', parseConnections, 100_000)
    .option('--seed <number>', 'seed of every random choice', parseSeed, 1)
    .option('--json', 'print one object for scripts')
    .action(({ design, connections, seed, json }: SimulateFlags) => {
      const chosen = design === undefined ? designNames : [design];
      const rows = chosen.map((each) => simulateFlows({ design: each, connections, seed }));
      const text = json
        ? JSON.stringify({ schema: 'subflow/balance-simulate/1', seed, rows })
        : tableText(rows);
      process.stdout.write(`${text}\n`);
    });
}

function parseConnections(text: string): number {
  return parseInteger(text, 1, maxSimulatedConnections);
}

function parseSeed(text: string): number {
  return parseInteger(text, 0, Number.MAX_SAFE_INTEGER);
}

function parseDesign(name: string): DesignName {
  const design = designNames.find((each) => each === name);
  if (design !== undefined) return design;
  throw new UsageError(`there is no design '${name}'`, `there are: ${designNames.join(', ')}`);
}

function tableText(rows: readonly FlowSimulationRow[]): string {
  const titles = ['connections', 'broken', 'joins', 'broken', 'bytes/connection', 'busiest/mean', 'detours'];
  const columns = [
    { title: 'design', isNumber: false },
    ...titles.map((title) => ({ title, isNumber: true })),
  ];
  return tableLines(
    columns,
    rows.map((row) => [
      ...[row.design, `${row.connections}`, `${row.brokenConnections}`, `${row.joins}`, `${row.brokenJoins}`],
      ...[row.bytesPerConnection.toFixed(1), row.busiestShare.toFixed(2), `${row.detours}`],
    ]),
  ).join('\n');
}

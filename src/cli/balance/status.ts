/** `subflow balance status`: the state of the balancer that runs on this machine. */

import type { Command } from 'commander';
import { type BalanceStatus, defaultStatusSocket, type ServerStatus } from '../../balancer/index.js';
import { loadBalancing } from '../../node/index.js';
import { tableLines } from '../table.js';
import { formatCount, formatSize } from '../units.js';

interface StatusFlags {
  readonly socket: string;
  readonly json?: true;
}

/** Declares `subflow balance status`. */
export function declareStatus(command: Command): void {
  command
    .description('Asks the balancer that runs on this machine how it and its servers are.')
    .option('--socket <path>', 'where it answers: "status" in its configuration', defaultStatusSocket)
    .option('--json', 'print one object for scripts')
    .action(async ({ socket, json }: StatusFlags) => {
      const { askStatus } = await loadBalancing();
      const status = await askStatus(socket);
      process.stdout.write(`${json ? JSON.stringify(status) : statusText(status)}\n`);
    });
}

/** The state for a person. */
export function statusText(status: BalanceStatus): string {
  const { name, design, path, services, generation, store, config, joins, packets, tables } = status;
  const dropped = Object.entries(packets.notForwarded).filter(([, times]) => times > 0);
  const avoided =
    joins.misSteersAvoided === null ? '' : `, ${formatCount(joins.misSteersAvoided)} mis-steers avoided`;
  const problems = [
    ...(config.problem === null
      ? []
      : [`The file has mistakes, and the former one is in force:\n${config.problem}`]),
    ...(store.isReachable ? [] : [`The store is out of reach, and the list of servers stays: ${store.why}`]),
  ];
  return [
    `${name}: ${design} by ${path.kind} on ${path.interfaces.join(', ')} for ${services.join(', ')}`,
    `generation ${generation.number} of ${generation.at}: ${generation.reason}`,
    `${formatCount(packets.forwarded)} packets forwarded${dropped.map(([why, times]) => `, ${formatCount(times)} ${why}`).join('')}`,
    `${formatCount(joins.total)} joins, ${formatCount(joins.byChance)} of them by chance${avoided}`,
    `${formatCount(tables.entries)} entries in ${formatSize(tables.bytes)}, ${formatCount(tables.bucketsMoved)} buckets moved`,
    ...(status.balancers.length > 1
      ? [`balancers: ${status.balancers.map(({ name: each }) => each).join(', ')}`]
      : []),
    ...problems,
    '',
    ...serverLines(status.servers),
  ].join('\n');
}

function serverLines(servers: readonly ServerStatus[]): string[] {
  const columns = [
    { title: 'server', isNumber: true },
    { title: 'address', isNumber: false },
    { title: 'state', isNumber: false },
    { title: 'health', isNumber: false },
    ...['weight', 'buckets', 'subflows', 'packets'].map((title) => ({ title, isNumber: true })),
  ];
  return tableLines(
    columns,
    servers.map((server) => [
      ...[`${server.id}`, server.address, stateText(server), healthText(server), `${server.weight}`],
      ...[orDash(server.buckets), `${server.subflows}`, orDash(server.packets)],
    ]),
  );
}

function stateText({ state, wanted }: ServerStatus): string {
  return state === wanted ? state : `${state} (${wanted} wanted)`;
}

function healthText({ health }: ServerStatus): string {
  if (health === null) return '-';
  if (health.state === 'up' && health.rttMs !== null) return `up, ${health.rttMs.toFixed(1)} ms`;
  return health.why === '' ? health.state : `${health.state}: ${health.why.replace(/\s+/g, ' ')}`;
}

function orDash(value: number | null): string {
  return value === null ? '-' : formatCount(value);
}

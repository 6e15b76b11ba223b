/** `subflow bond`: all uplinks of this machine together, for the LAN behind it, until a signal ends it. */

import type { Command } from 'commander';
import {
  type Announcement,
  Bond,
  type BondEvent,
  bondEvents,
  type BondOptions,
  bondPlan,
  type BondReport,
  captureRules,
  captureScript,
  DEFAULT_BOND_PORT,
  KeptUplinks,
  loadDaemon,
  parseHops,
  parseNetwork,
  planUplinks,
  type UplinkChoice,
} from '../../node/index.js';
import { interfaceBytes, kernelMptcp } from '../../linux/index.js';
import { EnvironmentError, UsageError } from '../errors.js';
import { Screen } from '../experiment/screen.js';
import { explainListen } from '../listen-hint.js';
import { parseInteger, parseSize, parseTimer } from '../units.js';
import { aborted, untilSignal } from '../until-signal.js';
import { bondLines } from './view.js';

interface BondFlags {
  readonly via?: string;
  readonly lan?: readonly string[];
  readonly metered?: readonly string[];
  readonly except?: readonly string[];
  readonly port: string;
  readonly every: string;
  readonly drain: string;
  readonly maxConnections: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/** `NAME` or `NAME=BYTES`: which uplinks are metered, and what they may carry. */
function parseMetered(texts: readonly string[]): Map<string, number> {
  return new Map(
    texts.map((text) => {
      const [name = '', cap, more] = text.split('=');
      if (name === '' || more !== undefined)
        throw new UsageError(`'${text}' is not an uplink with a cap; write it like wwan0=2G or wwan0`);
      return [name, cap === undefined ? Number.POSITIVE_INFINITY : parseSize(cap)];
    }),
  );
}

type Say = (event: BondEvent | 'report', fields: Record<string, unknown>) => void;

/** A line an event: JSON, or words for a person, above the table on a terminal. */
function sayer(json: boolean, screen: Screen | undefined): Say {
  return (event, fields) => {
    if (json) {
      const time = new Date().toISOString();
      process.stdout.write(`${JSON.stringify({ schema: 'subflow/bond/1', time, event, ...fields })}\n`);
      return;
    }
    // On a terminal the table says how much; connections would chase it away.
    const isRoutine = event === 'connected' || event === 'closed';
    if (isRoutine && screen !== undefined) return;
    screen?.clear();
    const said = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
    process.stderr.write(`${[event, ...said].join(' ')}\n`);
  };
}

/** Everything that the flags say, checked before anything is done. */
function readFlags(flags: BondFlags): Omit<BondOptions, 'keeper' | 'log'> {
  if (flags.via === undefined)
    throw new UsageError('there is no converter; name one with --via ADDRESS:PORT', '');
  if (flags.lan === undefined)
    throw new UsageError(
      'there is no LAN; name its interfaces with --lan NAME. `ip -br address` lists those of this machine',
    );
  try {
    const options = {
      ...{ via: flags.via, lan: flags.lan, port: parseInteger(flags.port, 1, 65_535) },
      ...{ caps: parseMetered(flags.metered ?? []), except: (flags.except ?? []).map(parseNetwork) },
      limits: { maxConnections: parseInteger(flags.maxConnections, 1, 1_000_000) },
    };
    parseHops(flags.via);
    captureRules(bondPlan(options));
    checkLan(flags.lan);
    return options;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError((error as Error).message, (error as { hint?: string }).hint ?? '');
  }
}

/** A LAN whose name is mistyped would be taken for an uplink. */
function checkLan(names: readonly string[]): void {
  const known = interfaceBytes();
  const missing = names.filter((name) => !known.has(name));
  if (missing.length > 0)
    throw new UsageError(
      `there is no interface ${missing.map((name) => `'${name}'`).join(', ')}`,
      '`ip -br address` lists those of this machine',
    );
}

function choiceOf({ lan, caps }: Pick<BondOptions, 'lan' | 'caps'>): UplinkChoice {
  return { except: lan, metered: [...(caps?.keys() ?? [])] };
}

async function run(flags: BondFlags): Promise<void> {
  const everyMs = Math.max(100, parseTimer(flags.every));
  const patienceMs = parseTimer(flags.drain, 0);
  const options = readFlags(flags);
  if (flags.dryRun === true) return rehearse(options);
  const kernel = kernelMptcp();
  // Without it there would be one uplink at a time, and nobody would be told.
  if (!kernel.available) throw new EnvironmentError(kernel.reason, kernel.hint);
  const json = flags.json === true;
  const screen = !json && process.stdout.isTTY ? new Screen(process.stdout) : undefined;
  const say = sayer(json, screen);
  await untilSignal(async (signal) => {
    const keeper = new KeptUplinks(choiceOf(options));
    const bond = await Bond.start({ ...options, keeper, log: say }).catch((error: NodeJS.ErrnoException) => {
      throw explainListen(error, options.port ?? 0);
    });
    let report = bond.look();
    const look = (): void => show((report = bond.look()), screen, json ? say : undefined);
    const timer = setInterval(look, everyMs);
    const announcement = await announce(() => report);
    try {
      await aborted(signal);
    } finally {
      clearInterval(timer);
      screen?.clear();
      await announcement?.close();
      await bond.close(patienceMs);
    }
  });
}

/** Has the lab find it. */
async function announce(look: () => BondReport): Promise<Announcement | undefined> {
  const { announceService } = await loadDaemon();
  return announceService('bond', () => {
    const { uplinks, connections, clientBytes, serverBytes } = look();
    const names = uplinks.map(({ name }) => name).join(' ');
    return {
      ...{ isHealthy: true, said: `${connections} connections`, metrics: '' },
      load: { connections, uplinks: names, clientBytes, serverBytes },
    };
  });
}

function show(report: BondReport, screen: Screen | undefined, say: Say | undefined): void {
  if (say !== undefined) say('report', { ...report });
  const columns = process.stdout.columns ?? 80;
  screen?.draw(bondLines(report).map((line) => line.slice(0, columns - 1)));
}

/** Says what would be done. */
function rehearse(options: Omit<BondOptions, 'keeper' | 'log'>): void {
  const { uplinks, commands } = planUplinks(choiceOf(options));
  const lines = [...uplinks.map((said) => `# uplink ${said}`), ...commands];
  process.stdout.write(`${lines.join('\n')}\n${captureScript(captureRules(bondPlan(options)))}`);
}

/** Declares `subflow bond`. */
export function declareBond(command: Command): void {
  command
    .description(
      'Takes all uplinks of this machine together: TCP connections of the hosts behind --lan go on over Multipath TCP, by every uplink at once, ' +
        'to a converter (subflow converter) elsewhere. What is not TCP is refused, and counted. Everything is undone at the end. See docs/proxies.md.',
    )
    .option('--via <place>', 'the converter, as in 192.0.2.1:5124')
    .option(
      '--lan <name...>',
      'interfaces whose hosts are served; all others with a default route are uplinks',
    )
    .option(
      '--metered <uplink...>',
      'uplinks whose bytes cost money; with how many each may carry, as in wwan0=2G',
    )
    .option('--except <network...>', 'destinations that are left to the routing of this machine')
    .option('--port <port>', 'port of the listener, which only the rules lead to', String(DEFAULT_BOND_PORT))
    .option('--every <duration>', 'time between two reports', '1s')
    .option('--max-connections <count>', 'connections at a time', '10000')
    .option('--drain <duration>', 'at the end, time for connections to finish', '5s')
    .option('--dry-run', 'print what would be done, and do nothing')
    .option('--json', 'events and reports as lines of JSON, on the standard output')
    .addHelpText(
      'after',
      `\nEvents:\n${Object.entries({ ...bondEvents, report: 'uplinks and connections, now' })
        .map(([name, said]) => `  ${name.padEnd(10)} ${said}`)
        .join('\n')}`,
    )
    .action((flags: BondFlags) => run(flags));
}

/** `subflow bond`: all uplinks of this machine together, for the LAN behind it, until a signal ends it. */

import type { Command } from 'commander';
import {
  Bond,
  type BondEvent,
  bondEvents,
  bondPlan,
  type BondReport,
  captureRules,
  captureScript,
  DEFAULT_BOND_PORT,
  KeptUplinks,
  type LogFields,
  type LogLevel,
  planUplinks,
} from '../../node/index.js';
import { kernelMptcp } from '../../linux/index.js';
import { completeFlags } from '../daemon/config-flags.js';
import {
  addDaemonOptions,
  type Daemon,
  type DaemonSetting,
  eventHelp,
  runDaemon,
} from '../daemon/run-daemon.js';
import { EnvironmentError } from '../errors.js';
import { Screen } from '../experiment/screen.js';
import { explainListen } from '../listen-hint.js';
import { countRelayEvents } from '../relay-metrics.js';
import { relayEventLevel } from '../relay-words.js';
import {
  bondChecks,
  type BondFlags,
  type BondSettings,
  capsOf,
  choiceOf,
  everyMs,
  limitsOf,
  patienceMs,
  reloadableFlags,
  settingsOf,
} from './flags.js';
import { observeBond } from './metrics.js';
import { bondLines } from './view.js';

const events = { ...bondEvents, report: 'uplinks and connections, now; with --json' } as const;

type EventName = keyof typeof events;
type Setting = DaemonSetting<BondFlags, EventName>;

/** How much an event matters. On a terminal the table says how much goes on; connections would chase it away. */
function levelOf(event: BondEvent, fields: Record<string, unknown>, hasTable: boolean): LogLevel {
  if (event === 'capped' || event === 'paused') return 'warn';
  const level = relayEventLevel(event, fields);
  const isRoutine = level === 'info' && (event === 'connected' || event === 'closed');
  return hasTable && isRoutine ? 'debug' : level;
}

async function start(
  { flags, log, metrics }: Setting,
  screen: Screen | undefined,
): Promise<Daemon<BondFlags>> {
  const settings = settingsOf(flags);
  const intervalMs = everyMs(flags.every);
  const kernel = kernelMptcp();
  // Without it there would be one uplink at a time, and nobody would be told.
  if (!kernel.available) throw new EnvironmentError(kernel.reason, kernel.hint);
  const count = countRelayEvents(metrics, 'bond');
  const tell = (event: BondEvent, fields: Record<string, unknown>): void => {
    count(event, fields);
    log.write(levelOf(event, fields, screen !== undefined), event, '', fields as LogFields);
  };
  const keeper = new KeptUplinks(choiceOf(settings));
  const bond = await Bond.start({ ...settings, keeper, log: tell }).catch((error: NodeJS.ErrnoException) => {
    throw explainListen(error, settings.port ?? 0);
  });
  let report = bond.look();
  observeBond(metrics, bond, () => report);
  const timer = setInterval(() => {
    report = bond.look();
    if (flags.json) log.info('report', '', fieldsOf(report));
    draw(report, screen);
  }, intervalMs);
  return daemonOf(
    bond,
    flags,
    () => report,
    () => {
      clearInterval(timer);
      screen?.clear();
    },
  );
}

function fieldsOf({ uplinks, refused, ...rest }: BondReport): LogFields {
  return {
    uplinks: uplinks.map((each) => ({ ...each })),
    refused: refused.map((each) => ({ ...each })),
    ...rest,
  };
}

function draw(report: BondReport, screen: Screen | undefined): void {
  const columns = process.stdout.columns ?? 80;
  screen?.draw(bondLines(report).map((line) => line.slice(0, columns - 1)));
}

function daemonOf(
  bond: Bond,
  started: BondFlags,
  look: () => BondReport,
  stopLooking: () => void,
): Daemon<BondFlags> {
  let flags = started;
  return {
    announce: () => `takes connections of ${started.lan?.join(' ')}`,
    async reload(next) {
      const [caps, limits] = [capsOf(next), limitsOf(next)];
      patienceMs(next.drain);
      bond.setCaps(caps);
      bond.setLimits(limits);
      flags = next;
      return Promise.resolve({ metered: [...caps.keys()] });
    },
    health: () => healthOf(look()),
    load() {
      const { uplinks, connections, clientBytes, serverBytes } = look();
      const names = uplinks.map(({ name, state }) => `${name} ${state}`);
      return { connections, uplinks: names, clientBytes, serverBytes };
    },
    async close() {
      stopLooking();
      await bond.close(patienceMs(flags.drain));
      return { ...bond.relays.totals };
    },
  };
}

function healthOf({ uplinks, connections, isPaused }: BondReport): ReturnType<Daemon<BondFlags>['health']> {
  if (isPaused) return { isHealthy: false, said: 'the uplinks that are left are at their caps' };
  const isUsable = uplinks.some(({ state }) => state === 'used' || state === 'backup');
  return isUsable
    ? { isHealthy: true, said: `${connections} connections` }
    : { isHealthy: false, said: 'no uplink can be used' };
}

async function run(command: Command): Promise<void> {
  if (command.opts<BondFlags>().dryRun) {
    rehearse(settingsOf(await completeFlags<BondFlags>(command, bondChecks)));
    return;
  }
  let screen: Screen | undefined;
  await runDaemon<BondFlags, EventName>({
    ...{ command, checks: bondChecks, schema: 'subflow/bond/1', reloadable: reloadableFlags },
    // Whoever counts connections counts these.
    unrationed: ['started', 'uplink', 'capped', 'paused', 'resumed', 'connected', 'closed', 'report'],
    // Lines stand above the table.
    beforeLine: () => screen?.clear(),
    start(setting) {
      if (!setting.flags.json && process.stdout.isTTY) screen = new Screen(process.stdout);
      return start(setting, screen);
    },
  });
}

/** Says what would be done. */
function rehearse(settings: BondSettings): void {
  const { uplinks, commands } = planUplinks(choiceOf(settings));
  const lines = [...uplinks.map((said) => `# uplink ${said}`), ...commands];
  process.stdout.write(`${lines.join('\n')}\n${captureScript(captureRules(bondPlan(settings)))}`);
}

/** Declares `subflow bond`. */
export function declareBond(command: Command): void {
  command
    .description(
      'Takes all uplinks of this machine together: TCP connections of the hosts behind --lan go on over Multipath TCP, by every uplink at once, ' +
        'to a converter (subflow converter) elsewhere. What is not TCP is refused, and counted. Everything is undone at the end. SIGHUP reads the file anew. See docs/proxies.md.',
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
    .option('--dry-run', 'print what would be done, and do nothing');
  addDaemonOptions(command, { canBecomeUser: false })
    .addHelpText('after', eventHelp(events))
    .action(() => run(command));
}

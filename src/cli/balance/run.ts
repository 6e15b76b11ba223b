/** `subflow balance run`: a balancer at work until a signal ends it. */

import { hostname } from 'node:os';
import type { Command } from 'commander';
import { type BalanceConfig, metricsText } from '../../balancer/index.js';
import { SubflowError } from '../../base/index.js';
import { mayOpenRawSockets, mayUseXdp } from '../../linux/index.js';
import {
  type Announcement,
  type BalancerRuntime,
  type BalancerRuntimeOptions,
  type ConfigEvent,
  type ConfigMark,
  loadBalancing,
  loadDaemon,
  type Log,
  type LogEvent,
  type Watchdog,
} from '../../node/index.js';
import { EnvironmentError, ExitStatus, FailureError } from '../errors.js';
import { aborted, untilSignal } from '../until-signal.js';
import { readConfigOrExplain } from './read-config.js';

interface RunFlags {
  readonly config: string;
  readonly check?: true;
  readonly json?: true;
}

/** Declares `subflow balance run`. */
export function declareRun(command: Command, setStatus: (status: number) => void): void {
  command
    .description(
      'Steers the packets of services to their servers until SIGINT or SIGTERM; nothing of it is left then. Reads the file anew when it ' +
        'changes, and on SIGHUP; one with a mistake changes nothing. The log goes to the standard error.',
    )
    .requiredOption('--config <file>', 'what is to be, as JSON: docs/balancing.md')
    .option('--check', 'only say whether the file is right, and what is wrong with it')
    .option('--json', 'log in JSON on a terminal too; with --check, print one object')
    .action(async (flags: RunFlags) => {
      if (flags.check) setStatus(await check(flags));
      else await run(flags);
    });
}

/** Says whether the file is right. */
async function check({ config: file, json }: RunFlags): Promise<number> {
  const { readConfig } = await loadBalancing();
  let problem: string | undefined;
  try {
    await readConfig(file);
  } catch (error) {
    if (!(error instanceof SubflowError)) throw error;
    problem = error.message;
  }
  const problems = problem === undefined ? [] : problem.split('\n');
  const text = json
    ? JSON.stringify({ schema: 'subflow/balance-check/1', file, ok: problems.length === 0, problems })
    : (problem ?? `${file} is right`);
  process.stdout.write(`${text}\n`);
  return problems.length === 0 ? ExitStatus.done : ExitStatus.no;
}

async function run({ config: file, json }: RunFlags): Promise<void> {
  const { configMark, openCommandLog } = await loadDaemon();
  const since = await configMark(file);
  const config = await readConfigOrExplain(file);
  checkRights(config);
  const commandLog = openCommandLog<LogEvent>({ fd: 2, format: json ? 'json' : 'auto' });
  const ended = await untilSignal(async (signal) => {
    try {
      return await atWork({ file, since, config }, commandLog.log, signal);
    } finally {
      await commandLog.close();
    }
  });
  if (ended !== undefined) throw new FailureError(`the data path ended: ${ended.message}`, { cause: ended });
}

/** A file that was read. */
interface ReadFile {
  readonly file: string;
  /** How it was before. */
  readonly since: ConfigMark;
  readonly config: BalanceConfig;
}

/** Runs the balancer until a signal comes, or it cannot go on: then gives why. */
async function atWork(
  { file, since, config }: ReadFile,
  log: Log<LogEvent>,
  signal: AbortSignal,
): Promise<Error | undefined> {
  const [kit, { readConfig }] = await Promise.all([loadDaemon(), loadBalancing()]);
  let watchdog: Watchdog | undefined;
  let runtime: BalancerRuntime | undefined;
  let announcement: Announcement | undefined;
  /** What became of the file before there was anybody to take it. */
  let early: ConfigEvent<BalanceConfig> | undefined;
  const watch = new kit.ConfigWatch(file, since, readConfig, (event) => {
    if (runtime === undefined) early = event;
    else runtime.takeConfig(event);
  });
  const reload = (): void => void watch.reload();
  // From here on: what it does to a program that does not listen is to end it.
  process.on('SIGHUP', reload);
  try {
    runtime = await startOrStop(file, config, log, signal);
    if (runtime === undefined) return undefined;
    if (early !== undefined) runtime.takeConfig(early);
    announcement = await announce(runtime);
    kit.notifyReady();
    watchdog = kit.startWatchdog();
    return await Promise.race([runtime.failed, aborted(signal)]);
  } finally {
    kit.notifyStopping();
    watchdog?.close();
    await announcement?.close();
    process.off('SIGHUP', reload);
    watch.close();
    if (runtime !== undefined) await stop(runtime, config, log);
  }
}

/** Has the lab find it. */
async function announce(runtime: BalancerRuntime): Promise<Announcement | undefined> {
  const { announceService } = await loadDaemon();
  return announceService('balance run', async () => {
    const status = await runtime.status();
    const { name, design, services, servers, joins, packets } = status;
    return {
      ...runtime.health(),
      load: {
        ...{ name, design, services: services.join(' '), servers: servers.length },
        ...{ packets: packets.forwarded, joins: joins.total, joinsByChance: joins.byChance },
      },
      metrics: metricsText(status),
    };
  });
}

/** Starts the balancer; undefined when the signal came first. */
async function startOrStop(
  file: string,
  config: BalanceConfig,
  log: Log<LogEvent>,
  signal: AbortSignal,
): Promise<BalancerRuntime | undefined> {
  const { embeddedStore, healthCheck, natsStore, startBalancer, userPath, xdpPath } = await loadBalancing();
  const options: BalancerRuntimeOptions = {
    ...{ config, configFile: file, log, makeCheck: healthCheck },
    openPath: config.path === 'xdp' ? xdpPath : userPath,
    openStore: async ({ store, name }) =>
      store.kind === 'folder' ? embeddedStore(store) : natsStore({ config: store, balancer: name, log }),
  };
  try {
    return await startBalancer(options, signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

async function stop(runtime: BalancerRuntime, { name }: BalanceConfig, log: Log<LogEvent>): Promise<void> {
  log.info('stopping', `${name} lets go of everything`, { host: hostname() });
  await runtime.close();
  log.info('stopped', 'nothing of it is left on this machine');
}

/** Both data paths attach programs; the one in user space opens packet sockets too, as a check by joins does. */
function checkRights({ path, health }: BalanceConfig): void {
  const needed = [mayUseXdp()];
  if (path === 'user' || health?.kind === 'mptcp-join') needed.push(mayOpenRawSockets());
  for (const may of needed)
    if (!may.available) throw new EnvironmentError(`packets cannot be steered: ${may.reason}`, may.hint);
}

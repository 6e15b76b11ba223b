/** `subflow monitor`: the Multipath TCP connections of this machine, live. */

import type { Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { SubflowError } from '../../base/index.js';
import { kernelMptcp, type KernelPathEvent } from '../../linux/index.js';
import {
  type Announcement,
  ConnectionMonitor,
  filterTerms,
  loadDaemon,
  type MetricsServer,
  type MonitorLook,
  parseFilter,
} from '../../node/index.js';
import { EnvironmentError, UsageError } from '../errors.js';
import { Screen } from '../experiment/screen.js';
import { namespaceError } from '../namespace-hint.js';
import { parseDuration, parseInteger } from '../units.js';
import { untilSignal } from '../until-signal.js';
import { monitorMetrics } from './metrics.js';
import { News } from './news.js';
import { viewLines } from './view.js';

interface MonitorFlags {
  readonly every: string;
  readonly once?: true;
  readonly json?: true;
  readonly quiet?: true;
  readonly subflows?: true;
  readonly filter?: readonly string[];
  readonly namespace?: string;
  readonly limit: string;
  readonly metrics?: string;
}

/** Takes each look. */
type Show = (look: MonitorLook) => void;

/** Declares `subflow monitor`. */
export function declareMonitor(command: Command): void {
  const terms = Object.entries(filterTerms).map(([term, said]) => `  ${term.padEnd(18)} ${said}`);
  command
    .description(
      'Shows every Multipath TCP connection of this machine: its subflows, what each carries, round trips, backups and fall-backs. ' +
        'Without root it hears no events, and older kernels do not tell it of subflows. docs/kernel.md says more.',
    )
    .option('--every <duration>', 'time between two looks', '1s')
    .option('--once', 'look once')
    .option('--subflows', 'a line for each subflow as well')
    .option('--filter <term...>', 'only connections of which all terms hold (below)')
    .option('--namespace <name>', 'those of this network namespace: a path, or a name for ip-netns(8)')
    .option('--limit <count>', 'look at so many connections at most', '100000')
    .option(
      '--metrics <place>',
      'port of loopback, or address and port, for /metrics (Prometheus) and /healthz',
    )
    .option('--quiet', 'print nothing: for --metrics')
    .option('--json', 'print one object a look, a line each')
    .addHelpText('after', `\nTerms of --filter:\n${terms.join('\n')}`)
    .action((flags: MonitorFlags) => run(flags));
}

async function run(flags: MonitorFlags): Promise<void> {
  const everyMs = parseDuration(flags.every) / 1e6;
  if (everyMs < 10) throw new UsageError(`${flags.every} is too short`, 'it is 10ms or more');
  const monitor = open(flags);
  try {
    if (flags.once) {
      print(flags)(lookOrExplain(monitor));
      return;
    }
    await untilSignal((signal) => watch(monitor, flags, Math.min(everyMs, 2 ** 30), signal));
  } finally {
    monitor.close();
  }
}

function open({ namespace, limit, filter }: MonitorFlags): ConnectionMonitor {
  const kernel = kernelMptcp();
  // A namespace of its own may have it where this one has not.
  if (!kernel.available && namespace === undefined) throw new EnvironmentError(kernel.reason, kernel.hint);
  try {
    return new ConnectionMonitor({
      ...{ namespace, limit: parseInteger(limit, 1, 1_000_000) },
      filter: parseFilter(filter ?? []),
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof UsageError || code === undefined) throw error;
    if (error instanceof SubflowError && code.startsWith('ERR_SUBFLOW_BAD'))
      throw new UsageError(message, error.hint);
    if (namespace === undefined) throw error;
    throw namespaceError(namespace, message);
  }
}

function lookOrExplain(monitor: ConnectionMonitor): MonitorLook {
  try {
    return monitor.look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new EnvironmentError(
      'the kernel has no diagnosis of Multipath TCP sockets',
      'use Linux 5.9 or newer with CONFIG_INET_MPTCP_DIAG: modprobe mptcp_diag',
    );
  }
}

/** Looks now and then, until the signal, or until nobody reads what it prints. */
async function watch(
  monitor: ConnectionMonitor,
  flags: MonitorFlags,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  const kit = await loadDaemon();
  const metrics = new kit.Metrics();
  const stopMeasuring = kit.addProcessMetrics(metrics);
  const tell = monitorMetrics(metrics);
  const ended = new AbortController();
  const end = (error?: NodeJS.ErrnoException): void => {
    if (error === undefined || error.code === 'EPIPE') ended.abort();
  };
  signal.addEventListener('abort', () => end(), { once: true });
  process.stdout.on('error', end);
  const news = new News();
  const output = print(flags, news);
  let server: MetricsServer | undefined;
  let announcement: Announcement | undefined;
  let connections = 0;
  try {
    if (monitor.seesEvents) watchEvents(monitor, news);
    if (flags.metrics !== undefined) server = await serve(kit, flags.metrics, metrics);
    announcement = await kit.announceService('monitor', () => ({
      ...{ isHealthy: true, said: 'it looks', load: { connections }, metrics: metrics.text() },
    }));
    kit.notifyReady();
    const watchdog = kit.startWatchdog();
    while (!signal.aborted && !ended.signal.aborted) {
      const look = lookOrExplain(monitor);
      connections = look.totals.connections;
      tell(look);
      output(look);
      await sleep(everyMs, undefined, { signal: ended.signal }).catch(() => undefined);
    }
    watchdog?.close();
    kit.notifyStopping();
  } finally {
    output.end();
    process.stdout.off('error', end);
    await announcement?.close();
    await server?.close();
    stopMeasuring();
  }
}

/** Goes on without events where the kernel has none. */
function watchEvents(monitor: ConnectionMonitor, news: News): void {
  try {
    monitor.watch(
      (event: KernelPathEvent) => news.take(event),
      () => news.lose(),
    );
  } catch (error) {
    if (!(error instanceof SubflowError)) throw error;
  }
}

async function serve(
  kit: Awaited<ReturnType<typeof loadDaemon>>,
  place: string,
  metrics: InstanceType<Awaited<ReturnType<typeof loadDaemon>>['Metrics']>,
): Promise<MetricsServer> {
  try {
    return await kit.startMetricsServer(place, {
      metrics: () => metrics.text(),
      health: () => ({ isHealthy: true, said: 'it looks' }),
    });
  } catch (error) {
    if (error instanceof SubflowError) throw new UsageError(error.message, error.hint);
    throw error;
  }
}

/** What becomes of each look; `end` leaves the last one on a terminal. */
function print(flags: MonitorFlags, news = new News()): Show & { end(): void } {
  const { stdout } = process;
  const hasSubflows = flags.subflows === true;
  const nothing = { end: (): void => undefined };
  if (flags.quiet) return Object.assign((): void => undefined, nothing);
  if (flags.json)
    return Object.assign((look: MonitorLook): void => {
      stdout.write(`${JSON.stringify({ ...look, ...news.takeAll() })}\n`);
    }, nothing);
  if (!stdout.isTTY || flags.once) {
    const size = { columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY, hasSubflows };
    return Object.assign((look: MonitorLook): void => {
      stdout.write(`${viewLines(look, size, news.lines).join('\n')}\n`);
    }, nothing);
  }
  const screen = new Screen(stdout);
  return Object.assign(
    (look: MonitorLook): void => {
      // The last column stays free: some terminals go to the next line when it is written to.
      const size = { columns: (stdout.columns || 80) - 1, rows: (stdout.rows || 24) - 1, hasSubflows };
      screen.draw(viewLines(look, size, news.lines));
    },
    {
      end: (): void => {
        stdout.write('\n');
      },
    },
  );
}

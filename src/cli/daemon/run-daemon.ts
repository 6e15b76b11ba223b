/**
 * A command at work until a signal ends it: what all of them have in common. Options and a file, a log, metrics and health by HTTP, another
 * user once everything is open, the service manager told, the configuration read anew at SIGHUP, an end in good order.
 */

import { Option, type Command } from 'commander';
import { SubflowError } from '../../base/index.js';
import type { KeepableCapability } from '../../linux/index.js';
import {
  type Announcement,
  loadDaemon,
  type Log,
  type LogFields,
  type LogLevel,
  type Metrics,
  type MetricsServer,
} from '../../node/index.js';
import { UsageError } from '../errors.js';
import { aborted, untilSignal } from '../until-signal.js';
import { completeFlags, type FlagChecks, nameOf } from './config-flags.js';

/** Options that all of them have. */
export interface DaemonFlags {
  readonly config?: string;
  readonly metrics?: string;
  readonly user?: string;
  readonly group?: string;
  readonly logLevel: LogLevel;
  readonly json?: true;
}

/** What every log of them tells beside its own; stable names. */
export const daemonEvents = {
  'metrics-listening': 'metrics and health can be asked for',
  'privileges-dropped': 'the process goes on as another user',
  'config-loaded': 'the options were read anew, and hold',
  'config-refused':
    'the options have a mistake, or a change that only a new start takes; those before hold on',
  stopping: 'it takes nothing new, and waits for what goes on',
  stopped: 'nothing of it is left',
} as const;

/** Name of an event. */
export type DaemonEvent = keyof typeof daemonEvents;

/** What a command is made of. */
export interface DaemonPlan<Flags extends DaemonFlags, Event extends string> {
  readonly command: Command;
  /** What is looked at in a file before anything holds. */
  readonly checks: FlagChecks;
  /** As in `subflow/converter/1`: what each object of the log begins with. */
  readonly schema: string;
  /** Events that are told each time. */
  readonly unrationed: readonly Event[];
  /** Options that a running command takes over. */
  readonly reloadable: readonly (keyof Flags & string)[];
  /** Called before each line of the log: whatever else stands on the terminal makes room. */
  readonly beforeLine?: () => void;
  /** What of root's rights it goes on to need with `--user`. */
  readonly keep?: readonly KeepableCapability[];
  /** Opens everything. What it throws ends the command. */
  readonly start: (setting: DaemonSetting<Flags, Event>) => Promise<Daemon<Flags>>;
}

/** What a command is started with. */
export interface DaemonSetting<Flags, Event extends string> {
  readonly flags: Flags;
  readonly log: Log<Event | DaemonEvent>;
  readonly metrics: Metrics;
}

/** A command at work. */
export interface Daemon<Flags> {
  /** Tells that it is at work; a sentence for the service manager. */
  announce(): string;
  /** Takes over new options, of which only the reloadable ones differ. A SubflowError refuses them, and leaves all as it was. */
  reload(flags: Flags): Promise<LogFields>;
  health(): { readonly isHealthy: boolean; readonly said: string };
  /** What the log says when it begins to end. */
  load(): LogFields;
  /** Ends it; gives what the log says then. */
  close(): Promise<LogFields>;
  /** Settles when it cannot go on, with why. */
  readonly failed?: Promise<Error>;
}

/** Adds the options of {@link DaemonFlags}; one that needs its rights to the end becomes no other user. */
export function addDaemonOptions(command: Command, { canBecomeUser = true } = {}): Command {
  command
    .option(
      '--config <file>',
      'these options in JSON, in camelCase; those given here win, and SIGHUP reads it anew',
    )
    .option(
      '--metrics <place>',
      'port of loopback, or address and port, for /metrics (Prometheus) and /healthz',
    )
    .addOption(
      new Option('--log-level <level>', 'leave out of the log what matters less')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .option('--json', 'log in JSON, on the standard output');
  if (!canBecomeUser) return command;
  return command
    .option('--user <name>', 'go on as this user when everything is open')
    .option('--group <name>', "with this group (default: the user's own)");
}

/** Lines of help about events. */
export function eventHelp(events: Readonly<Record<string, string>>): string {
  const all = Object.entries({ ...events, ...daemonEvents });
  const width = Math.max(...all.map(([name]) => name.length));
  return `\nEvents:\n${all.map(([name, said]) => `  ${name.padEnd(width)} ${said}`).join('\n')}`;
}

/** Runs it until a signal ends it, or it cannot go on: then gives why. */
export async function runDaemon<Flags extends DaemonFlags, Event extends string>(
  plan: DaemonPlan<Flags, Event>,
): Promise<Error | undefined> {
  const kit = await loadDaemon();
  const flags = await readAll(kit, plan);
  const { json, logLevel } = flags;
  const commandLog = kit.openCommandLog<Event | DaemonEvent>({
    ...{ fd: json ? 1 : 2, format: json ? 'json' : 'text', level: logLevel },
    ...(plan.beforeLine !== undefined && { beforeLine: plan.beforeLine }),
    ...{
      first: { schema: plan.schema },
      unrationed: [...plan.unrationed, 'config-loaded', 'config-refused'],
    },
  });
  return untilSignal(async (signal) => {
    try {
      return await new DaemonRun(kit, plan, flags, commandLog.log).untilEnd(signal);
    } finally {
      await commandLog.close();
    }
  });
}

type Kit = Awaited<ReturnType<typeof loadDaemon>>;

async function readAll<Flags extends DaemonFlags, Event extends string>(
  { logLevels, parseListen }: Kit,
  { command, checks }: DaemonPlan<Flags, Event>,
): Promise<Flags> {
  const logLevel = (text: string): void => {
    if (!logLevels.some((level) => level === text)) throw new UsageError(`there are ${logLevels.join(', ')}`);
  };
  const flags = await completeFlags<Flags>(command, { ...checks, metrics: parseListen, logLevel });
  try {
    if (flags.metrics !== undefined) parseListen(flags.metrics);
  } catch (error) {
    if (!(error instanceof SubflowError)) throw error;
    throw new UsageError(error.message, error.hint);
  }
  if (flags.group !== undefined && flags.user === undefined)
    throw new UsageError('--group goes with --user', 'name the user as well');
  return flags;
}

/** What is open when the work begins. */
interface Opened<Flags> {
  readonly daemon: Daemon<Flags>;
  readonly server: MetricsServer | undefined;
  readonly announcement: Announcement | undefined;
}

/** One run of a command. */
class DaemonRun<Flags extends DaemonFlags, Event extends string> {
  private readonly kit: Kit;
  private readonly plan: DaemonPlan<Flags, Event>;
  private readonly log: Log<Event | DaemonEvent>;
  private flags: Flags;
  private daemon: Daemon<Flags> | undefined;
  private isEnding = false;
  /** Reloads run one after the other. */
  private reloading: Promise<void> = Promise.resolve();

  constructor(kit: Kit, plan: DaemonPlan<Flags, Event>, flags: Flags, log: Log<Event | DaemonEvent>) {
    this.kit = kit;
    this.plan = plan;
    this.flags = flags;
    this.log = log;
  }

  async untilEnd(signal: AbortSignal): Promise<Error | undefined> {
    const metrics = new this.kit.Metrics();
    const stopMeasuring = this.kit.addProcessMetrics(metrics);
    const reload = (): void => void (this.reloading = this.reloading.then(() => this.reload()));
    let server: MetricsServer | undefined;
    let announcement: Announcement | undefined;
    // From here on: what it does to a program that does not listen is to end it.
    process.on('SIGHUP', reload);
    try {
      // Before the rest: a place that is taken is known before anything is open to clients.
      server = await this.serveMetrics(metrics);
      announcement = await this.announce(metrics);
      const daemon = await this.plan.start({ flags: this.flags, log: this.log, metrics });
      this.daemon = daemon;
      try {
        return await this.work({ daemon, server, announcement }, signal);
      } finally {
        await this.end(daemon);
      }
    } finally {
      this.isEnding = true;
      process.off('SIGHUP', reload);
      await announcement?.close();
      await server?.close();
      stopMeasuring();
    }
  }

  /** Has the lab find it; where it cannot, it runs all the same. */
  private announce(metrics: Metrics): Promise<Announcement | undefined> {
    return this.kit.announceService(nameOf(this.plan.command), () => ({
      ...this.health(),
      ...{ load: this.daemon?.load() ?? {}, metrics: metrics.text() },
    }));
  }

  /** From the point where everything is open. Nothing is waited for, and so no client is served, before the process is another user's. */
  private async work(
    { daemon, server, announcement }: Opened<Flags>,
    signal: AbortSignal,
  ): Promise<Error | undefined> {
    const { kit } = this;
    const { user, group } = this.flags;
    const { keep = [] } = this.plan;
    if (user !== undefined) announcement?.giveTo(kit.privilegeTarget({ user, group }));
    const became = user === undefined ? undefined : kit.dropPrivileges({ user, group, keep });
    const said = daemon.announce();
    if (became !== undefined) this.log.info('privileges-dropped', '', { user: user!, ...became, kept: keep });
    if (server !== undefined)
      this.log.info('metrics-listening', '', { url: `http://${server.address}/metrics` });
    kit.notifyReady(said);
    const watchdog = kit.startWatchdog();
    try {
      return await ended(daemon, signal);
    } finally {
      watchdog?.close();
    }
  }

  private async end(daemon: Daemon<Flags>): Promise<void> {
    this.isEnding = true;
    this.kit.notifyStopping();
    this.log.info('stopping', '', daemon.load());
    this.log.info('stopped', '', await daemon.close());
  }

  private async serveMetrics(metrics: Metrics): Promise<MetricsServer | undefined> {
    const place = this.flags.metrics;
    if (place === undefined) return undefined;
    return this.kit.startMetricsServer(place, { metrics: () => metrics.text(), health: () => this.health() });
  }

  private health(): { readonly isHealthy: boolean; readonly said: string } {
    if (this.daemon === undefined) return { isHealthy: false, said: 'it starts' };
    if (this.isEnding) return { isHealthy: false, said: 'it ends' };
    return this.daemon.health();
  }

  /** Reads the options anew. Those with a mistake change nothing. */
  private async reload(): Promise<void> {
    if (this.daemon === undefined || this.isEnding) return;
    const { kit } = this;
    kit.notifyReloading();
    try {
      const flags = await readAll(kit, this.plan);
      this.checkReloadable(flags);
      const fields = await this.daemon.reload(flags);
      this.flags = flags;
      this.log.setLevel(flags.logLevel);
      this.log.info('config-loaded', '', fields);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.log.error('config-refused', '', { reason: error.message });
    }
    if (!this.isEnding) kit.notifyReady();
  }

  /** Throws for a change that only a new start takes. */
  private checkReloadable(flags: Flags): void {
    const reloadable: readonly string[] = [...this.plan.reloadable, 'logLevel', 'config'];
    const names = new Set([...Object.keys(flags), ...Object.keys(this.flags)] as (keyof Flags & string)[]);
    const changed = [...names].filter(
      (name) =>
        !reloadable.includes(name) && JSON.stringify(flags[name]) !== JSON.stringify(this.flags[name]),
    );
    if (changed.length > 0)
      throw new SubflowError(
        'ERR_SUBFLOW_BAD_CONFIG',
        `${changed.join(', ')}: what runs cannot take over a change of it; start it anew`,
      );
  }
}

/** Resolves at the signal, or when the command cannot go on, with why. */
async function ended<Flags>(daemon: Daemon<Flags>, signal: AbortSignal): Promise<Error | undefined> {
  const end = aborted(signal);
  return daemon.failed === undefined ? end : Promise.race([end, daemon.failed]);
}

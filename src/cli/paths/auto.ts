/** `subflow paths auto`: looks after all uplinks until a signal ends it. */

import { type Command, Option } from 'commander';
import {
  loadDaemon,
  loadPaths,
  type Log,
  type LogFields,
  type PathKeeper,
  type PathKeeperEvent,
  pathKeeperEvents,
} from '../../node/index.js';
import { completeFlags } from '../daemon/config-flags.js';
import {
  addDaemonOptions,
  type Daemon,
  type DaemonSetting,
  eventHelp,
  runDaemon,
} from '../daemon/run-daemon.js';
import { ExitStatus } from '../errors.js';
import { type AutoFlags, autoChecks, optionsOf, reloadableFlags, serviceTypes } from './auto-flags.js';
import { countKeeperEvents, observeKeeper } from './auto-metrics.js';

/** What holds the process while nothing happens, in ms. */
const HOLD_MS = 1 << 30;

type EventName = PathKeeperEvent['event'];
type Setting = DaemonSetting<AutoFlags, EventName>;
const schema = 'subflow/paths-auto/1';
const eventNames = Object.keys(pathKeeperEvents) as EventName[];
/** What matters more than that something was done. */
const warnings: readonly EventName[] = ['refused', 'left-behind', 'metered-used-up'];

async function start({ flags, log, metrics }: Setting): Promise<Daemon<AutoFlags>> {
  const { PathKeeper } = await loadPaths();
  const count = countKeeperEvents(metrics);
  const onEvent = (event: PathKeeperEvent): void => {
    count(event.event);
    // Said of the command, when all of it is over.
    if (event.event !== 'stopped') write(log, event);
  };
  const keeper = PathKeeper.start({ ...optionsOf(flags), onEvent });
  observeKeeper(metrics, keeper);
  return daemonOf(keeper);
}

function daemonOf(keeper: PathKeeper): Daemon<AutoFlags> {
  const hold = setInterval(() => undefined, HOLD_MS);
  const uplinksSaid = (): string => {
    const used = keeper.uplinks.filter(({ isUsed }) => isUsed).length;
    return `${used} of ${keeper.uplinks.length} uplinks used`;
  };
  return {
    announce: uplinksSaid,
    // Not a promise before it is done: what it throws refuses the options.
    async reload(next) {
      keeper.reconfigure(optionsOf(next));
      return Promise.resolve({ serviceType: next.serviceType });
    },
    health() {
      const { refusedSteps } = keeper;
      // A machine without an uplink is no fault of whoever would look after it.
      if (refusedSteps === 0) return { isHealthy: true, said: uplinksSaid() };
      return { isHealthy: false, said: `${uplinksSaid()}; steps that the system refuses: ${refusedSteps}` };
    },
    load: (): LogFields => ({ uplinks: keeper.uplinks.map(({ name, state }) => `${name} ${state}`) }),
    close() {
      clearInterval(hold);
      keeper.close();
      return Promise.resolve({});
    },
  };
}

async function run(command: Command, setStatus: (status: number) => void): Promise<void> {
  const { dryRun, undo } = command.opts<AutoFlags>();
  if (dryRun) return rehearse(await completeFlags<AutoFlags>(command, autoChecks));
  if (undo) return takeBack(await completeFlags<AutoFlags>(command, autoChecks), setStatus);
  await runDaemon<AutoFlags, EventName>({
    ...{ command, checks: autoChecks, schema, start, reloadable: reloadableFlags },
    unrationed: eventNames,
  });
}

/** Says what would be done. */
async function rehearse(flags: AutoFlags): Promise<void> {
  const { PathKeeper } = await loadPaths();
  const commands = PathKeeper.plan(optionsOf(flags));
  const text = flags.json
    ? JSON.stringify({ schema: 'subflow/paths-plan/1', commands })
    : commands.join('\n');
  if (text !== '') process.stdout.write(`${text}\n`);
}

/** Takes back what one that was killed left, and says what. */
async function takeBack(flags: AutoFlags, setStatus: (status: number) => void): Promise<void> {
  const { openCommandLog } = await loadDaemon();
  const { PathKeeper } = await loadPaths();
  const { json, logLevel } = flags;
  const commandLog = openCommandLog<EventName>({
    ...{ fd: json ? 1 : 2, format: json ? 'json' : 'text', level: logLevel },
    ...{ first: { schema }, unrationed: eventNames },
  });
  try {
    const onEvent = (event: PathKeeperEvent): void => write(commandLog.log, event);
    const left = PathKeeper.undo({ ...optionsOf(flags), onEvent }, flags.force === true);
    setStatus(left.length > 0 ? ExitStatus.no : ExitStatus.done);
  } finally {
    await commandLog.close();
  }
}

function write(log: Pick<Log<EventName>, 'write'>, { event, fields }: PathKeeperEvent): void {
  log.write(warnings.includes(event) ? 'warn' : 'info', event, '', fields);
}

/** Declares `subflow paths auto`. */
export function declareAuto(command: Command, setStatus: (status: number) => void): void {
  command
    .description(
      'Looks after the uplinks of this machine for all Multipath TCP connections of the kernel: tables and rules for each interface, endpoints, ' +
        'backup by the quality of the links, lost subflows made anew. Everything is undone at the end. SIGHUP reads the file anew. See docs/kernel.md.',
    )
    .addOption(
      new Option('--service-type <type>', 'what several uplinks are for: docs/service-types.md')
        .choices(serviceTypes)
        .default('handover'),
    )
    .option('--interface <name...>', 'only these interfaces')
    .option('--except <name...>', 'not these interfaces')
    .option('--gateway <name=address...>', 'the router of an interface without a default route')
    .option('--metered <name...>', 'interfaces whose bytes cost money, beside cellular ones')
    .option('--free <name...>', 'cellular interfaces whose bytes cost none')
    .option('--forbid-metered', 'metered interfaces are not used')
    .option(
      '--cap-metered <size>',
      'they are not used any more when so many bytes went over them, as in 500M',
    )
    .option('--state <folder>', 'where it stands what is to be undone (default: /run/subflow)')
    .option('--dry-run', 'print the commands of ip that would be run, and do nothing')
    .option('--undo', 'take back what one that was killed left, and end')
    .option('--force', 'with --undo: also endpoints that a connection stands on alone');
  addDaemonOptions(command, { canBecomeUser: false })
    .addHelpText('after', eventHelp(pathKeeperEvents))
    .action(() => run(command, setStatus));
}

/** `subflow paths auto`: looks after all uplinks until a signal ends it. */

import { type Command, Option } from 'commander';
import { loadDaemon, loadPaths, type PathKeeperEvent, type PathKeeperOptions } from '../../node/index.js';
import { IpAddress } from '../../wire/index.js';
import { UsageError } from '../errors.js';
import { parseSize } from '../units.js';
import { aborted, untilSignal } from '../until-signal.js';

/** As in node/paths, whose module is loaded when the command runs. */
const serviceTypes = ['handover', 'interactive', 'aggregate'] as const;

/** What holds the process while nothing happens, in ms. */
const HOLD_MS = 1 << 30;

interface AutoFlags {
  readonly serviceType: (typeof serviceTypes)[number];
  readonly interface?: readonly string[];
  readonly except?: readonly string[];
  readonly gateway?: readonly string[];
  readonly metered?: readonly string[];
  readonly free?: readonly string[];
  readonly forbidMetered?: true;
  readonly capMetered?: string;
  readonly state?: string;
  readonly dryRun?: true;
  readonly undo?: true;
  readonly force?: true;
  readonly json?: true;
}

/** Reads `NAME=ADDRESS`: the last equals sign parts the two, since names of interfaces may have one. */
function parseGateway(text: string): { readonly name: string; readonly gateway: IpAddress } {
  const at = text.lastIndexOf('=');
  const gateway = IpAddress.parse(text.slice(at + 1));
  if (at > 0 && gateway !== undefined) return { name: text.slice(0, at), gateway };
  throw new UsageError(`'${text}' is not an interface and its router; write it like wlan0=192.168.1.1`);
}

function optionsOf(flags: AutoFlags, onEvent: (event: PathKeeperEvent) => void): PathKeeperOptions {
  const { metered = [], free = [], forbidMetered, capMetered } = flags;
  if (forbidMetered && capMetered !== undefined)
    throw new UsageError('--forbid-metered and --cap-metered exclude each other');
  return {
    ...{ serviceType: flags.serviceType, onEvent },
    gateways: (flags.gateway ?? []).map(parseGateway),
    ...(flags.interface !== undefined && { only: flags.interface }),
    ...(flags.except !== undefined && { except: flags.except }),
    isMetered: ({ name, kind }) => metered.includes(name) || (kind === 'cellular' && !free.includes(name)),
    ...(forbidMetered && { metered: 'forbid' as const }),
    ...(capMetered !== undefined && { metered: { capBytes: parseSize(capMetered) } }),
    ...(flags.state !== undefined && { stateFolder: flags.state }),
  };
}

async function run(flags: AutoFlags, setStatus: (status: number) => void): Promise<void> {
  const { PathKeeper, pathKeeperEvents } = await loadPaths();
  if (flags.dryRun) {
    const commands = PathKeeper.plan(optionsOf(flags, () => undefined));
    const text = flags.json
      ? JSON.stringify({ schema: 'subflow/paths-plan/1', commands })
      : commands.join('\n');
    if (text !== '') process.stdout.write(`${text}\n`);
    return;
  }
  const { announceService, openCommandLog, notifyReady, notifyStopping, startWatchdog } = await loadDaemon();
  const names = Object.keys(pathKeeperEvents) as PathKeeperEvent['event'][];
  const commandLog = openCommandLog<PathKeeperEvent['event']>({
    ...{ fd: flags.json ? 1 : 2, format: flags.json ? 'json' : 'auto' },
    ...{ first: { schema: 'subflow/paths-auto/1' }, unrationed: names },
  });
  const tell = ({ event, fields }: PathKeeperEvent): void => {
    const isWarning = event === 'refused' || event === 'left-behind' || event === 'metered-used-up';
    commandLog.log.write(isWarning ? 'warn' : 'info', event, '', fields);
  };
  try {
    const options = optionsOf(flags, tell);
    if (flags.undo) {
      setStatus(PathKeeper.undo(options, flags.force === true).length > 0 ? 1 : 0);
      return;
    }
    await untilSignal(async (signal) => {
      const keeper = PathKeeper.start(options);
      const hold = setInterval(() => undefined, HOLD_MS);
      const watchdog = startWatchdog();
      const announcement = await announceService('paths auto', () => ({
        ...{ isHealthy: true, said: 'it looks after the uplinks', metrics: '' },
        load: Object.fromEntries(keeper.uplinks.map(({ name, state }) => [name, state])),
      }));
      notifyReady();
      await aborted(signal);
      notifyStopping();
      watchdog?.close();
      clearInterval(hold);
      keeper.close();
      await announcement?.close();
      await commandLog.close();
    });
  } finally {
    await commandLog.close();
  }
}

/** Declares `subflow paths auto`. */
export function declareAuto(command: Command, setStatus: (status: number) => void): void {
  command
    .description(
      'Looks after the uplinks of this machine for all Multipath TCP connections of the kernel: tables and rules for each interface, endpoints, ' +
        'backup by the quality of the links, lost subflows made anew. Everything is undone at the end. See docs/kernel.md.',
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
    .option('--force', 'with --undo: also endpoints that a connection stands on alone')
    .option('--json', 'events in JSON on the standard output, one object a line')
    .action((flags: AutoFlags) => run(flags, setStatus));
}

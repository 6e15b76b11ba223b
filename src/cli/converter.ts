/** `subflow converter`: a Transport Converter (RFC 8803) at work until a signal ends it. */

import { type Command, Option } from 'commander';
import { DEFAULT_CONVERT_PORT } from '../convert/index.js';
import {
  type AccessRules,
  type ConverterEvent,
  converterEvents,
  type ConverterOptions,
  ConverterServer,
} from '../node/index.js';
import { kernelMptcp } from '../linux/index.js';
import { IpAddress, formatEndpoint } from '../wire/index.js';
import { explainListen } from './listen-hint.js';
import {
  addLimitFlags,
  addRuleFlags,
  eventsHelp,
  explained,
  type LimitFlags,
  limitsOf,
  parseListen,
  parseMs,
  relayLogger,
  reloadingUntil,
  type RuleFlags,
  rulesOf,
} from './relay-flags.js';
import { untilSignal } from './until-signal.js';

interface ConverterFlags extends RuleFlags, LimitFlags {
  readonly listen: string;
  readonly requireCookie?: true;
  readonly fastOpenWithoutCookie?: true;
  readonly plainTcp?: true;
  readonly json?: true;
}

type Log = (event: ConverterEvent, fields: Record<string, unknown>) => void;

function optionsOf(flags: ConverterFlags, rules: AccessRules, log: Log): ConverterOptions {
  return {
    ...parseListen(flags.listen, DEFAULT_CONVERT_PORT),
    ...{ rules, log, requireCookie: flags.requireCookie === true, isPlain: flags.plainTcp === true },
    fastOpen: { requireCookie: flags.fastOpenWithoutCookie !== true },
    ...{ connectMs: parseMs(flags.connectTimeout), limits: limitsOf(flags) },
  };
}

async function run(flags: ConverterFlags): Promise<void> {
  const log: Log = relayLogger('subflow/converter/1', flags.json === true);
  const patienceMs = parseMs(flags.drain);
  const rules = await explained(() => rulesOf(flags));
  const options = optionsOf(flags, rules, log);
  await untilSignal(async (signal) => {
    const server = await ConverterServer.start(options).catch((error: NodeJS.ErrnoException) => {
      throw explainListen(error, options.port ?? 0);
    });
    log('listening', describe(server, flags));
    await reloadingUntil(signal, () => void reloadRules(server, flags, log));
    log('stopping', { connections: server.relays.connections });
    await server.close(patienceMs);
    log('stopped', server.relays.totals);
  });
}

/** What it is, and what it lacks. */
function describe(server: ConverterServer, flags: ConverterFlags): Record<string, unknown> {
  const { address, port } = server.address;
  const kernel = kernelMptcp();
  const lacks: string[] = [];
  if (!kernel.available && flags.plainTcp !== true)
    lacks.push(`Multipath TCP: ${kernel.reason}; plain TCP instead. ${kernel.hint}`);
  if (!server.hasFastOpen)
    lacks.push('Fast Open: sysctl -w net.ipv4.tcp_fastopen=3 saves clients a round trip');
  return {
    at: formatEndpoint({ address: IpAddress.parse(address)!, port }),
    ...{ address, port, multipath: server.isMultipath, fastOpen: server.hasFastOpen },
    ...(lacks.length > 0 && { lacks }),
  };
}

async function reloadRules(server: ConverterServer, flags: ConverterFlags, log: Log): Promise<void> {
  try {
    const rules = await rulesOf(flags);
    server.setRules(rules);
    log('rules-loaded', { clients: rules.clients.length, deny: rules.deny.length });
  } catch (error) {
    log('rules-refused', { reason: (error as Error).message });
  }
}

/** Declares `subflow converter`. */
export function declareConverter(command: Command): void {
  command
    .description(
      'Relays connections of clients that speak the 0-RTT Convert Protocol (RFC 8803): Multipath TCP towards them, and towards servers that ' +
        'speak it. SIGTERM takes no more clients and lets the others finish, SIGHUP reads the rules anew. See docs/proxies.md.',
    )
    .option('--listen <place>', 'address and port, or port alone', `127.0.0.1:${DEFAULT_CONVERT_PORT}`);
  addRuleFlags(command)
    .option('--require-cookie', 'clients have to show a cookie that they were given (RFC 8803 §6.2.7)')
    .option('--fast-open-without-cookie', 'take data from SYNs of clients without a Fast Open cookie')
    .addOption(new Option('--plain-tcp', 'plain TCP on both sides, whatever the kernel can'));
  addLimitFlags(command)
    .option('--json', 'log in JSON, on the standard output')
    .addHelpText('after', eventsHelp(converterEvents))
    .action((flags: ConverterFlags) => run(flags));
}

/** `subflow converter`: a Transport Converter (RFC 8803) at work until a signal ends it. */

import { type Command, Option } from 'commander';
import { DEFAULT_CONVERT_PORT } from '../../convert/index.js';
import { type ConverterEvent, converterEvents, ConverterServer, type LogFields } from '../../node/index.js';
import {
  addDaemonOptions,
  type Daemon,
  type DaemonSetting,
  eventHelp,
  runDaemon,
} from '../daemon/run-daemon.js';
import { explainListen } from '../listen-hint.js';
import {
  addLimitFlags,
  addRuleFlags,
  explained,
  limitsOf,
  parseDrain,
  parseMs,
  rulesOf,
} from '../relay-flags.js';
import { countRelayEvents, observeRelays } from '../relay-metrics.js';
import { describeRelay, placeText, relayEventLevel } from '../relay-words.js';
import { converterChecks, type ConverterFlags, optionsOf, reloadableFlags } from './flags.js';

type Setting = DaemonSetting<ConverterFlags, ConverterEvent>;

async function start({ flags, log, metrics }: Setting): Promise<Daemon<ConverterFlags>> {
  const count = countRelayEvents(metrics, 'converter');
  // Told now, and not when it ends.
  parseDrain(flags.drain);
  const options = optionsOf(flags, await explained(() => rulesOf(flags)), (event, fields) => {
    count(event, fields);
    log.write(relayEventLevel(event, fields), event, '', fields as LogFields);
  });
  const server = await ConverterServer.start(options).catch((error: NodeJS.ErrnoException) => {
    throw explainListen(error, options.port ?? 0);
  });
  observeRelays(metrics, 'converter', [server.relays]);
  return daemonOf(server, flags, log);
}

function daemonOf(
  server: ConverterServer,
  started: ConverterFlags,
  log: Setting['log'],
): Daemon<ConverterFlags> {
  let flags = started;
  return {
    announce() {
      const at = placeText(server.address);
      const { address, port } = server.address;
      log.info('listening', '', { at, address, port, ...describeRelay(server, flags.plainTcp === true) });
      return `listens at ${at}`;
    },
    async reload(next) {
      const rules = await rulesOf(next).catch((error: unknown) => {
        log.error('rules-refused', '', { reason: (error as Error).message });
        throw error;
      });
      server.setRules(rules);
      server.relays.setLimits(limitsOf(next));
      server.setConnectMs(parseMs(next.connectTimeout));
      flags = next;
      const counted = { clients: rules.clients.length, deny: rules.deny.length };
      log.info('rules-loaded', '', counted);
      return counted;
    },
    health: () => ({ isHealthy: true, said: `${server.relays.connections} connections` }),
    load: () => ({ connections: server.relays.connections }),
    async close() {
      await server.close(parseDrain(flags.drain));
      return { ...server.relays.totals };
    },
  };
}

/** Declares `subflow converter`. */
export function declareConverter(command: Command): void {
  command
    .description(
      'Relays connections of clients that speak the 0-RTT Convert Protocol (RFC 8803): Multipath TCP towards them, and towards servers that ' +
        'speak it. SIGTERM takes no more clients and lets the others finish, SIGHUP reads file and rules anew. See docs/proxies.md.',
    )
    .option('--listen <place>', 'address and port, or port alone', `127.0.0.1:${DEFAULT_CONVERT_PORT}`);
  addRuleFlags(command)
    .option('--require-cookie', 'clients have to show a cookie that they were given (RFC 8803 §6.2.7)')
    .option('--fast-open-without-cookie', 'take data from SYNs of clients without a Fast Open cookie')
    .addOption(new Option('--plain-tcp', 'plain TCP on both sides, whatever the kernel can'));
  addLimitFlags(command);
  addDaemonOptions(command)
    .addHelpText('after', eventHelp(converterEvents))
    .action(() => run(command));
}

async function run(command: Command): Promise<void> {
  await runDaemon<ConverterFlags, ConverterEvent>({
    ...{ command, checks: converterChecks, schema: 'subflow/converter/1', start },
    // Whoever counts connections counts these.
    unrationed: ['listening', 'connected', 'closed', 'rules-loaded', 'rules-refused'],
    reloadable: reloadableFlags,
  });
}

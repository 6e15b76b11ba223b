/** `subflow proxy`: SOCKS 5, SOCKS 6 and HTTP CONNECT for clients that speak no Multipath TCP, until a signal ends it. */

import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { kernelMptcp } from '../../linux/index.js';
import {
  DEFAULT_PROXY_PORT,
  hashPassword,
  proxyEvents,
  type ProxyEvent,
  ProxyServer,
} from '../../node/index.js';
import { formatEndpoint, IpAddress } from '../../wire/index.js';
import { explainListen } from '../listen-hint.js';
import {
  addLimitFlags,
  addRuleFlags,
  eventsHelp,
  explained,
  parseDrain,
  relayLogger,
  reloadingUntil,
} from '../relay-flags.js';
import { untilSignal } from '../until-signal.js';
import { proxyOptions, type ProxyFlags } from './proxy-flags.js';
import {
  addTransparentFlags,
  printTransparentRules,
  startTransparent,
  type TransparentPart,
} from './transparent-flags.js';

type Log = (event: ProxyEvent, fields: Record<string, unknown>) => void;

/** The flags, and what the configuration file says of those that were not given. */
async function withConfig(flags: ProxyFlags, command: Command): Promise<ProxyFlags> {
  if (flags.config === undefined) return flags;
  const { readProxyConfig } = await import('./proxy-config.js');
  const config = await readProxyConfig(flags.config);
  const open = Object.entries(config).filter(([name]) => command.getOptionValueSource(name) !== 'cli');
  return { ...flags, ...Object.fromEntries(open) };
}

async function run(given: ProxyFlags, command: Command): Promise<void> {
  const flags = await explained(() => withConfig(given, command));
  const log: Log = relayLogger('subflow/proxy/1', flags.json === true);
  const patienceMs = parseDrain(flags.drain);
  const options = await explained(() => proxyOptions(flags));
  if (flags.printRules === true) {
    await explained(() => {
      printTransparentRules(flags);
      return Promise.resolve();
    });
    return;
  }
  await untilSignal(async (signal) => {
    const server = await ProxyServer.start({ ...options, log }).catch((error: NodeJS.ErrnoException) => {
      throw explainListen(error, (error as { port?: number }).port ?? 0);
    });
    const transparent = await startTransparent(flags, options, log).catch(async (error: unknown) => {
      await server.close();
      throw error;
    });
    log('listening', { ...describe(server, flags), via: options.upstream.name, transparent: transparent.at });
    const read = (): Promise<ProxyFlags> => withConfig(given, command);
    await reloadingUntil(signal, () => void reload(server, transparent, read, log));
    log('stopping', { connections: server.relays.connections });
    await Promise.all([server.close(patienceMs), transparent.close(patienceMs)]);
    log('stopped', server.relays.totals);
  });
}

/** What it is, and what it lacks. */
function describe(server: ProxyServer, flags: ProxyFlags): Record<string, unknown> {
  const kernel = kernelMptcp();
  const lacks: string[] = [];
  if (!kernel.available && flags.plainTcp !== true)
    lacks.push(`Multipath TCP: ${kernel.reason}; plain TCP instead. ${kernel.hint}`);
  if (!server.hasFastOpen)
    lacks.push('Fast Open: sysctl -w net.ipv4.tcp_fastopen=3 saves clients a round trip');
  const places = server.addresses.map(({ address, port }) =>
    formatEndpoint({ address: IpAddress.parse(address)!, port }),
  );
  return {
    ...{ at: places, multipath: server.isMultipath, fastOpen: server.hasFastOpen },
    ...(lacks.length > 0 && { lacks }),
  };
}

async function reload(
  server: ProxyServer,
  transparent: TransparentPart,
  read: () => Promise<ProxyFlags>,
  log: Log,
): Promise<void> {
  try {
    const { rules, upstream, authenticate } = await proxyOptions(await read());
    server.change({ rules, upstream, authenticate });
    transparent.change({ rules, upstream });
    log('reloaded', { clients: rules.clients.length, deny: rules.deny.length, via: upstream.name });
  } catch (error) {
    log('reload-refused', { reason: (error as Error).message });
  }
}

/** Declares `subflow proxy`. */
export function declareProxy(command: Command): void {
  command
    .description(
      'Serves SOCKS 5, SOCKS 6 and HTTP CONNECT, all on one port, and connects over Multipath TCP: directly, through a converter, or through ' +
        'other proxies. SIGTERM takes no more clients and lets the others finish, SIGHUP reads files anew. See docs/proxies.md.',
    )
    .option(
      '--listen <place...>',
      `address and port, with socks5:, socks6: or http: in front for one protocol alone, or transparent: or redirect: for connections that rules bring (default: 127.0.0.1:${DEFAULT_PROXY_PORT})`,
    )
    .option(
      '--via <proxy...>',
      'a converter (address and port), or socks5://, socks5h://, socks6://, http://; with commas one behind the other; further ones are asked where those before fail',
    );
  addRuleFlags(command)
    .option(
      '--service-type <type>',
      'what is wanted of several paths towards servers (docs/service-types.md)',
    )
    .option('--fast-open', 'say the first word to the nearest proxy in the SYN')
    .option('--plain-tcp', 'plain TCP on both sides, whatever the kernel can');
  addTransparentFlags(command);
  addLimitFlags(command)
    .option(
      '--users <file>',
      'who has to say so: lines of NAME:HASH; subflow proxy hash-password makes the hash',
    )
    .option('--request-timeout <duration>', 'time for a client to say what it wants', '10s')
    .option('--socks6-version <byte>', 'the version byte of SOCKS 6, 6 to 255 (default: 6)')
    .option('--json', 'log in JSON, on the standard output')
    .addHelpText('after', eventsHelp(proxyEvents))
    .option(
      '--config <file>',
      'the same in JSON, by the names of the flags in camelCase; flags hold against it',
    )
    .action((flags: ProxyFlags) => run(flags, command));
  command
    .command('hash-password')
    .description(
      'Reads a password from the standard input, up to the end of its first line, and writes its hash for --users.',
    )
    .action(async () => {
      const [password = ''] = (await text(process.stdin)).split(/\r?\n/, 1);
      const hash = await explained(() => hashPassword(Buffer.from(password)));
      process.stdout.write(`${hash}\n`);
    });
}

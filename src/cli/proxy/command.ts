/** `subflow proxy`: SOCKS 5, SOCKS 6 and HTTP CONNECT for clients that speak no Multipath TCP, until a signal ends it. */

import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import {
  DEFAULT_PROXY_PORT,
  hashPassword,
  type LogFields,
  proxyEvents,
  type ProxyEvent,
  ProxyServer,
} from '../../node/index.js';
import { completeFlags } from '../daemon/config-flags.js';
import {
  addDaemonOptions,
  type Daemon,
  type DaemonSetting,
  eventHelp,
  runDaemon,
} from '../daemon/run-daemon.js';
import { UsageError } from '../errors.js';
import { explainListen } from '../listen-hint.js';
import { addLimitFlags, addRuleFlags, explained, limitsOf, parseDrain } from '../relay-flags.js';
import { countRelayEvents, observeRelays } from '../relay-metrics.js';
import { describeRelay, placeText, relayEventLevel } from '../relay-words.js';
import { proxyChecks, proxyOptions, type ProxyFlags, reloadableFlags } from './proxy-flags.js';
import {
  addTransparentFlags,
  isTransparent,
  printTransparentRules,
  startTransparent,
  type TransparentPart,
} from './transparent-flags.js';

type Setting = DaemonSetting<ProxyFlags, ProxyEvent>;

async function run(command: Command): Promise<void> {
  const flags = await completeFlags<ProxyFlags>(command, proxyChecks);
  if (flags.printRules === true) {
    await explained(() => printTransparentRules(flags));
    return;
  }
  if (flags.apply === true && flags.user !== undefined)
    throw new UsageError(
      '--apply needs its rights to the end',
      'leave out --user, or apply what --print-rules prints',
    );
  // Marks and transparent sockets are for whoever administers the network; so are subflows.
  const needsRights = flags.serviceType !== undefined || (flags.listen ?? []).some(isTransparent);
  await runDaemon<ProxyFlags, ProxyEvent>({
    ...{ command, checks: proxyChecks, schema: 'subflow/proxy/1', start, reloadable: reloadableFlags },
    // Whoever counts connections counts these.
    unrationed: ['listening', 'connected', 'associated', 'closed'],
    ...(needsRights && { keep: ['CAP_NET_ADMIN'] }),
  });
}

async function start({ flags, log, metrics }: Setting): Promise<Daemon<ProxyFlags>> {
  const count = countRelayEvents(metrics, 'proxy');
  // Told now, and not when it ends.
  parseDrain(flags.drain);
  const options = await explained(() => proxyOptions(flags));
  const tell = (event: ProxyEvent, fields: Record<string, unknown>): void => {
    count(event, fields);
    log.write(relayEventLevel(event, fields), event, '', fields as LogFields);
  };
  const server = await ProxyServer.start({ ...options, log: tell }).catch((error: NodeJS.ErrnoException) => {
    throw explainListen(error, (error as { port?: number }).port ?? 0);
  });
  const transparent = await startTransparent(flags, options, tell).catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  observeRelays(metrics, 'proxy', [server.relays, ...transparent.relays]);
  return daemonOf({ server, transparent, flags, via: options.upstream.name, log });
}

/** What a proxy at work is made of. */
interface Parts extends Pick<Setting, 'flags' | 'log'> {
  readonly server: ProxyServer;
  readonly transparent: TransparentPart;
  readonly via: string;
}

function daemonOf({ server, transparent, flags: started, via, log }: Parts): Daemon<ProxyFlags> {
  let flags = started;
  const connections = (): number =>
    [server.relays, ...transparent.relays].reduce((sum, relays) => sum + relays.connections, 0);
  return {
    announce() {
      const at = server.addresses.map(placeText);
      const more = { via, transparent: transparent.at };
      log.info('listening', '', { at, ...describeRelay(server, flags.plainTcp === true), ...more });
      return `listens at ${String(at)}`;
    },
    async reload(next) {
      const { rules, upstream, authenticate } = await proxyOptions(next);
      server.change({ rules, upstream, authenticate });
      server.relays.setLimits(limitsOf(next));
      transparent.change({ rules, upstream });
      flags = next;
      return { clients: rules.clients.length, deny: rules.deny.length, via: upstream.name };
    },
    health: () => ({ isHealthy: true, said: `${connections()} connections` }),
    load: () => ({ connections: connections() }),
    async close() {
      const patienceMs = parseDrain(flags.drain);
      await Promise.all([server.close(patienceMs), transparent.close(patienceMs)]);
      return { ...server.relays.totals };
    },
  };
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
    .option(
      '--socks6-multipath <when>',
      'Multipath TCP to servers for clients of SOCKS 6: asked (by those that ask for it, as its draft has it) or always (default: asked)',
    );
  addDaemonOptions(command)
    .addHelpText('after', eventHelp(proxyEvents))
    .action(() => run(command));
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

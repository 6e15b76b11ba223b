/** `subflow converter`: a Transport Converter (RFC 8803) at work until a signal ends it. */

import { type Command, Option } from 'commander';
import { DEFAULT_CONVERT_PORT } from '../convert/index.js';
import {
  type AccessRules,
  type ConverterEvent,
  converterEvents,
  type ConverterOptions,
  ConverterServer,
  parseNetwork,
  readRules,
} from '../node/index.js';
import { kernelMptcp } from '../linux/index.js';
import { IpAddress, formatEndpoint } from '../wire/index.js';
import { UsageError } from './errors.js';
import { explainListen } from './listen-hint.js';
import { parseDuration, parseInteger } from './units.js';
import { untilSignal } from './until-signal.js';

interface ConverterFlags {
  readonly listen: string;
  readonly allowClient?: readonly string[];
  readonly deny?: readonly string[];
  readonly allowPrivate?: true;
  readonly allowLoopback?: true;
  readonly rules?: string;
  readonly requireCookie?: true;
  readonly fastOpenWithoutCookie?: true;
  readonly plainTcp?: true;
  readonly maxConnections: string;
  readonly maxPerClient: string;
  readonly idle: string;
  readonly connectTimeout: string;
  readonly drain: string;
  readonly json?: true;
}

type Log = (event: ConverterEvent, fields: Record<string, unknown>) => void;

/** A line an event: JSON, or words for a person. */
function logger(json: boolean): Log {
  return (event, fields) => {
    if (json) {
      const time = new Date().toISOString();
      process.stdout.write(`${JSON.stringify({ schema: 'subflow/converter/1', time, event, ...fields })}\n`);
      return;
    }
    const said = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
    process.stderr.write(`${[event, ...said].join(' ')}\n`);
  };
}

/** Reads `ADDRESS:PORT`, `[ADDRESS]:PORT` or `PORT`. */
function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d+)$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '127.0.0.1';
  if (match !== null && IpAddress.parse(host) !== undefined)
    return { host, port: parseInteger(match[3]!, 0, 65_535) };
  throw new UsageError(
    `'${text}' is not an address and a port; write it like 127.0.0.1:${DEFAULT_CONVERT_PORT} or [::1]:${DEFAULT_CONVERT_PORT}`,
  );
}

/** Rules of the flags, and of the file where there is one: what either allows is allowed, what either denies is denied. */
async function rulesOf(flags: ConverterFlags): Promise<AccessRules> {
  const file = flags.rules === undefined ? undefined : await readRules(flags.rules);
  return {
    clients: [...(file?.clients ?? []), ...(flags.allowClient ?? []).map(parseNetwork)],
    deny: [...(file?.deny ?? []), ...(flags.deny ?? []).map(parseNetwork)],
    allowPrivate: flags.allowPrivate === true || file?.allowPrivate === true,
    allowLoopback: flags.allowLoopback === true || file?.allowLoopback === true,
  };
}

async function explained(flags: ConverterFlags): Promise<AccessRules> {
  try {
    return await rulesOf(flags);
  } catch (error) {
    throw new UsageError((error as Error).message, (error as { hint?: string }).hint ?? '');
  }
}

function optionsOf(flags: ConverterFlags, rules: AccessRules, log: Log): ConverterOptions {
  return {
    ...parseListen(flags.listen),
    ...{ rules, log, requireCookie: flags.requireCookie === true, isPlain: flags.plainTcp === true },
    fastOpen: { requireCookie: flags.fastOpenWithoutCookie !== true },
    connectMs: parseDuration(flags.connectTimeout) / 1e6,
    limits: {
      maxConnections: parseInteger(flags.maxConnections, 1, 1_000_000),
      maxPerClient: parseInteger(flags.maxPerClient, 1, 1_000_000),
      idleMs: parseDuration(flags.idle) / 1e6,
    },
  };
}

async function run(flags: ConverterFlags): Promise<void> {
  const log = logger(flags.json === true);
  const patienceMs = parseDuration(flags.drain) / 1e6;
  const options = optionsOf(flags, await explained(flags), log);
  await untilSignal(async (signal) => {
    const server = await ConverterServer.start(options).catch((error: NodeJS.ErrnoException) => {
      throw explainListen(error, options.port ?? 0);
    });
    log('listening', describe(server, flags));
    const reload = (): void => void reloadRules(server, flags, log);
    process.on('SIGHUP', reload);
    try {
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    } finally {
      process.off('SIGHUP', reload);
      log('stopping', { connections: server.relays.connections });
      await server.close(patienceMs);
      log('stopped', server.relays.totals);
    }
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
    .option('--listen <place>', 'address and port, or port alone', `127.0.0.1:${DEFAULT_CONVERT_PORT}`)
    .option(
      '--allow-client <network...>',
      'who may use it, as in 192.168.0.0/16 (default: only this machine)',
    )
    .option('--deny <network...>', 'destinations that are refused')
    .option('--allow-private', 'private and link-local addresses may be destinations')
    .option('--allow-loopback', 'this machine may be a destination')
    .option('--rules <file>', 'the same in JSON: clients, deny, allowPrivate, allowLoopback')
    .option('--require-cookie', 'clients have to show a cookie that they were given (RFC 8803 §6.2.7)')
    .option('--fast-open-without-cookie', 'take data from SYNs of clients without a Fast Open cookie')
    .addOption(new Option('--plain-tcp', 'plain TCP on both sides, whatever the kernel can'))
    .option('--max-connections <count>', 'connections at a time', '10000')
    .option('--max-per-client <count>', 'connections of one address at a time', '1000')
    .option('--idle <duration>', 'end connections in which nothing comes for so long', '300s')
    .option('--connect-timeout <duration>', 'time for a server to answer', '10s')
    .option('--drain <duration>', 'at the end, time for connections to finish', '30s')
    .option('--json', 'log in JSON, on the standard output')
    .addHelpText(
      'after',
      `\nEvents:\n${Object.entries(converterEvents)
        .map(([name, said]) => `  ${name.padEnd(14)} ${said}`)
        .join('\n')}`,
    )
    .action((flags: ConverterFlags) => run(flags));
}

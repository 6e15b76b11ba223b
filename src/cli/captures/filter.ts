/** The options that choose connections and a span of time, for every command that reads captures. */

import type { Command } from 'commander';
import { type ConnectionReport, type ConnectionSelection, selectConnections } from '../../trace/index.js';
import { IpAddress } from '../../wire/index.js';
import { FailureError, UsageError } from '../errors.js';
import { parseDuration, parseInteger } from '../units.js';

/** As commander gives them; those that may be repeated are lists. */
export interface FilterFlags {
  readonly address?: readonly string[];
  readonly port?: readonly number[];
  readonly token?: readonly number[];
  readonly connection?: readonly number[];
  readonly from?: number;
  readonly to?: number;
  /** What `--filter` said. */
  readonly filter?: Omit<FilterFlags, 'filter'>;
}

/** Adds the options to `command`. */
export function addFilterOptions(command: Command): Command {
  return command
    .option('--connection <n>', 'only the connection with this number; repeatable', collect(parseNumber))
    .option('--address <ip>', 'only connections with this address; repeatable', collect(parseAddress))
    .option('--port <n>', 'only connections with this port; repeatable', collect(parsePort))
    .option('--token <token>', 'only connections with this token; repeatable', collect(parseToken))
    .option('--from <time>', 'only what is not before this time since the first packet: 1.5s', parseDuration)
    .option('--to <time>', 'only what is not after this time since the first packet', parseDuration)
    .option(
      '--filter <what>',
      'the same in a word: connection=N, address=IP, port=N, token=T, time=FROM..TO; several with commas',
      parseFilter,
    );
}

/** What is asked for; undefined when that is everything. Throws a {@link UsageError}. */
export function readSelection(flags: FilterFlags): ConnectionSelection | undefined {
  const { filter = {} } = flags;
  const connection = joined(flags.connection, filter.connection);
  const address = joined(flags.address, filter.address);
  const port = joined(flags.port, filter.port);
  const token = joined(flags.token, filter.token);
  const { from = filter.from, to = filter.to } = flags;
  if (from !== undefined && to !== undefined && from > to) {
    throw new UsageError('the time ends before it begins', 'give the earlier time to --from');
  }
  const selection: ConnectionSelection = {
    ...(connection === undefined ? {} : { connections: connection }),
    ...(address === undefined ? {} : { addresses: address }),
    ...(port === undefined ? {} : { ports: port }),
    ...(token === undefined ? {} : { tokens: token }),
    ...(from === undefined ? {} : { fromNs: from }),
    ...(to === undefined ? {} : { toNs: to }),
  };
  return Object.keys(selection).length === 0 ? undefined : selection;
}

/** The connections asked for. Throws a {@link FailureError} when there is none. */
export function chooseConnections(
  connections: readonly ConnectionReport[],
  selection: ConnectionSelection,
): readonly ConnectionReport[] {
  const chosen = selectConnections(connections, selection);
  if (chosen.length > 0) return chosen;
  throw new FailureError(
    connections.length === 0
      ? 'the capture has no connection of Multipath TCP'
      : `none of the ${connections.length} connections is what was asked for`,
    { hint: 'subflow trace FILE lists them' },
  );
}

function joined<Value>(
  some: readonly Value[] | undefined,
  more: readonly Value[] | undefined,
): readonly Value[] | undefined {
  return some === undefined ? more : more === undefined ? some : [...some, ...more];
}

/** Reads `NAME=VALUE,NAME=VALUE` into what the options of those names would have read. */
function parseFilter(text: string, before: Omit<FilterFlags, 'filter'> = {}): Omit<FilterFlags, 'filter'> {
  let flags = before;
  for (const part of text.split(',')) {
    const [name, value] = cut(part, '=');
    const reader = Object.hasOwn(filterReaders, name) ? filterReaders[name] : undefined;
    if (reader === undefined || value === undefined) {
      throw new UsageError(
        `'${part}' is no filter`,
        'write it like address=10.0.0.1,token=0x1a2b3c4d,time=1s..2.5s',
      );
    }
    flags = { ...flags, ...reader(value, flags) };
  }
  return flags;
}

const filterReaders: Readonly<Record<string, (value: string, flags: FilterFlags) => FilterFlags>> = {
  connection: (value, { connection }) => ({ connection: collect(parseNumber)(value, connection) }),
  address: (value, { address }) => ({ address: collect(parseAddress)(value, address) }),
  port: (value, { port }) => ({ port: collect(parsePort)(value, port) }),
  token: (value, { token }) => ({ token: collect(parseToken)(value, token) }),
  time: (value) => {
    const [from, to] = cut(value, '..');
    if (to === undefined)
      throw new UsageError(`'${value}' is no span of time`, 'write it like 1s..2.5s, 1s.. or ..2.5s');
    return {
      ...(from === '' ? {} : { from: parseDuration(from) }),
      ...(to === '' ? {} : { to: parseDuration(to) }),
    };
  },
};

/** What stands before the first `mark` and what stands behind it; that is undefined where there is no mark. */
function cut(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + mark.length)];
}

function collect<Value>(parse: (text: string) => Value) {
  return (text: string, values: readonly Value[] = []): readonly Value[] => [...values, parse(text)];
}

function parseNumber(text: string): number {
  return parseInteger(text, 0, Number.MAX_SAFE_INTEGER);
}

function parsePort(text: string): number {
  return parseInteger(text, 0, 65_535);
}

function parseAddress(text: string): string {
  const address = IpAddress.parse(text);
  if (address === undefined) throw new UsageError(`'${text}' is not an IP address`);
  return address.toString();
}

/** As the report writes it (0x and hexadecimal digits), or as the JSON has it. */
function parseToken(text: string): number {
  const value = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value <= 0xffff_ffff)) {
    throw new UsageError(`'${text}' is not a token`, 'write it like 0x1a2b3c4d');
  }
  return value;
}

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
}

/** Adds the options to `command`. */
export function addFilterOptions(command: Command): Command {
  return command
    .option('--connection <n>', 'only the connection with this number; repeatable', collect(parseNumber))
    .option('--address <ip>', 'only connections with this address; repeatable', collect(parseAddress))
    .option('--port <n>', 'only connections with this port; repeatable', collect(parsePort))
    .option('--token <token>', 'only connections with this token; repeatable', collect(parseToken))
    .option('--from <time>', 'only what is not before this time since the first packet: 1.5s', parseDuration)
    .option('--to <time>', 'only what is not after this time since the first packet', parseDuration);
}

/** What is asked for; undefined when that is everything. Throws a {@link UsageError}. */
export function readSelection(flags: FilterFlags): ConnectionSelection | undefined {
  const { connection, address, port, token, from, to } = flags;
  if (from !== undefined && to !== undefined && from > to) {
    throw new UsageError('--from lies after --to', 'give the earlier time to --from');
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

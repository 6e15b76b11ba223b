/**
 * Which connections of a report somebody asks for: by number, address, port, token and time; and which of them, and whose
 * data, to look at where nothing was asked for.
 */
import { parseEndpoint } from '../wire/index.js';
import type { Sender } from './observation.js';
import type { ConnectionReport } from './report.js';

/** A connection must fit all that is given, and one value of each kind. */
export interface ConnectionSelection {
  /** `id`s. */
  readonly connections?: readonly number[];
  /** Of either end of any subflow, in the form that `IpAddress` writes. */
  readonly addresses?: readonly string[];
  /** Of either end of any subflow. */
  readonly ports?: readonly number[];
  /** Of either host. */
  readonly tokens?: readonly number[];
  /** Nanoseconds since the first frame: packets were seen between these, bounds included. */
  readonly fromNs?: number;
  readonly toNs?: number;
}

/** The connections that fit, in their order. */
export function selectConnections(
  connections: readonly ConnectionReport[],
  selection: ConnectionSelection,
): readonly ConnectionReport[] {
  return connections.filter((connection) => fits(connection, selection));
}

/** Payload bytes that a host sent, over all subflows, retransmissions included. */
export function sentBytes({ subflows }: ConnectionReport, sender: Sender): number {
  return subflows.reduce((sum, flow) => sum + (sender === 'client' ? flow.clientBytes : flow.serverBytes), 0);
}

/** The host that sent more. */
export function busierHost(connection: ConnectionReport): Sender {
  return sentBytes(connection, 'client') > sentBytes(connection, 'server') ? 'client' : 'server';
}

/** The connection that carried most, those of Multipath TCP first; of equal ones the first; undefined for none. */
export function busiestConnection(connections: readonly ConnectionReport[]): ConnectionReport | undefined {
  const multipath = connections.filter(({ protocol }) => protocol === 'mptcp');
  const bytesOf = (each: ConnectionReport): number => sentBytes(each, 'client') + sentBytes(each, 'server');
  let busiest: ConnectionReport | undefined;
  for (const each of multipath.length > 0 ? multipath : connections) {
    if (busiest === undefined || bytesOf(each) > bytesOf(busiest)) busiest = each;
  }
  return busiest;
}

function fits(connection: ConnectionReport, selection: ConnectionSelection): boolean {
  const { connections, tokens, addresses, ports, fromNs = 0, toNs = Number.POSITIVE_INFINITY } = selection;
  const { id, clientToken, serverToken, startNs, durationNs } = connection;
  if (connections !== undefined && !connections.includes(id)) return false;
  if (tokens !== undefined) {
    const isClient = clientToken !== null && tokens.includes(clientToken);
    if (!isClient && !(serverToken !== null && tokens.includes(serverToken))) return false;
  }
  if (startNs > toNs || startNs + durationNs < fromNs) return false;
  return (addresses === undefined && ports === undefined) || hasEnd(connection, addresses, ports);
}

/** Whether an end of a subflow has one of the addresses and one of the ports. */
function hasEnd(
  connection: ConnectionReport,
  addresses: readonly string[] | undefined,
  ports: readonly number[] | undefined,
): boolean {
  const ends = connection.subflows.flatMap(({ client, server }) => [client, server]);
  const known = ends.flatMap((end) => parseEndpoint(end) ?? []);
  return known.some(
    ({ address, port }) =>
      (addresses === undefined || addresses.includes(address.toString())) &&
      (ports === undefined || ports.includes(port)),
  );
}

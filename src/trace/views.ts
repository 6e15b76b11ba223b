/** Which connections of a report are the same one, seen at several places. */
import type { ConnectionReport } from './report.js';

/** What all views share: the server's token, or the ends of the first subflow where a box hides the keys. */
export function viewNames({ serverToken, client, server }: ConnectionReport): readonly string[] {
  const ends = `${client} ${server}`;
  return serverToken === null ? [ends] : [String(serverToken), ends];
}

/** The same connection as other places saw it: of each place the first that shares a name. */
export function otherViews(
  connections: readonly ConnectionReport[],
  connection: ConnectionReport,
): readonly ConnectionReport[] {
  const names = viewNames(connection);
  const places = new Set([connection.vantage]);
  return connections.filter((other) => {
    if (places.has(other.vantage) || !viewNames(other).some((name) => names.includes(name))) return false;
    places.add(other.vantage);
    return true;
  });
}

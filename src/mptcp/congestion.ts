/**
 * Which congestion control the subflows of one connection get. What an algorithm couples is the windows of a connection,
 * so the connection is where what they share is made; the algorithms stand in `tcp/`, and know subflows as numbers only.
 * Read first: RFC 8684 §3.3.7, RFC 6356 §2.
 */
import type { TcpParameters } from '../tcp/index.js';
import type { ConnectionCore } from './core.js';

/**
 * `parameters` of a subflow, with the connection's own congestion control if the algorithm couples subflows. All subflows
 * then have that of the first: windows cannot be coupled by two formulae at once.
 */
export function coupled(core: ConnectionCore, parameters: TcpParameters): TcpParameters {
  const { forConnection } = parameters.congestion;
  if (forConnection === undefined) return parameters;
  core.congestion ??= forConnection();
  return { ...parameters, congestion: core.congestion };
}

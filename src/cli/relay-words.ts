/** What converters and proxies say of themselves, and how much what they tell matters. */

import type { AddressInfo } from 'node:net';
import { kernelMptcp } from '../linux/index.js';
import type { LogFields, LogLevel } from '../node/index.js';
import { formatEndpoint, IpAddress } from '../wire/index.js';

/** Where it listens, as a text. */
export function placeText({ address, port }: AddressInfo): string {
  return formatEndpoint({ address: IpAddress.parse(address)!, port });
}

/** What it speaks with clients, and what it lacks for more. */
export function describeRelay(
  { isMultipath, hasFastOpen }: { readonly isMultipath: boolean; readonly hasFastOpen: boolean },
  isPlainWanted: boolean,
): LogFields {
  const kernel = kernelMptcp();
  const lacks: string[] = [];
  if (!kernel.available && !isPlainWanted)
    lacks.push(`Multipath TCP: ${kernel.reason}; plain TCP instead. ${kernel.hint}`);
  if (!hasFastOpen) lacks.push('Fast Open: sysctl -w net.ipv4.tcp_fastopen=3 saves clients a round trip');
  return { multipath: isMultipath, fastOpen: hasFastOpen, ...(lacks.length > 0 && { lacks }) };
}

/** The level of an event: what its operator may mend is more than what a client or a server did. */
export function relayEventLevel(event: string, { error }: Readonly<Record<string, unknown>> = {}): LogLevel {
  if (event === 'exhausted') return 'error';
  const isOperators = error === 'upstream-failed' || error === 'no-resources';
  return event === 'refused' || isOperators ? 'warn' : 'info';
}

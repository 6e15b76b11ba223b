/** Targets of the probe as people write them, and how they become addresses. */

import { lookup } from 'node:dns/promises';
import { IpAddress, parseEndpoint, type Endpoint } from '../wire/index.js';
import { EnvironmentError, FailureError, UsageError } from './errors.js';

/** What was written. */
export interface WrittenTarget {
  readonly host: string;
  readonly port: number;
}

/** A target with its address. */
export interface ProbeTarget extends WrittenTarget {
  readonly endpoint: Endpoint;
}

const DEFAULT_PORT = 80;

/** Reads `HOST`, `HOST:PORT`, `ADDRESS`, `[IPV6]`, `[IPV6]:PORT`. Throws a {@link UsageError}. */
export function parseTarget(text: string): WrittenTarget {
  const bare = IpAddress.parse(/^\[(.+)\]$/.exec(text)?.[1] ?? text);
  if (bare !== undefined) return { host: bare.toString(), port: DEFAULT_PORT };
  const endpoint = parseEndpoint(text);
  if (endpoint !== undefined)
    return checked({ host: endpoint.address.toString(), port: endpoint.port }, text);
  const match = /^([A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?\.?)(?::(\d{1,5}))?$/.exec(text);
  if (match === null)
    throw new UsageError(`'${text}' is no target`, 'write HOST, HOST:PORT, or [IPV6-ADDRESS]:PORT');
  return checked({ host: match[1]!, port: match[2] === undefined ? DEFAULT_PORT : Number(match[2]) }, text);
}

function checked(target: WrittenTarget, text: string): WrittenTarget {
  if (target.port >= 1 && target.port <= 0xffff) return target;
  throw new UsageError(`'${text}' has no port from 1 to 65535`);
}

/**
 * The first address of the target, of `family` where one is asked for. Throws a {@link FailureError} for an address that
 * is no single host's, and an {@link EnvironmentError} for a name without an address.
 */
export async function resolveTarget(target: WrittenTarget, family: 0 | 4 | 6): Promise<ProbeTarget> {
  const literal = IpAddress.parse(target.host);
  const address = literal ?? (await lookUp(target.host, family));
  if (family !== 0 && address.family !== family)
    throw new FailureError(`${target.host} is no address of IPv${family}`);
  if (!address.isOneHost) throw new FailureError(`${address.toString()} is not the address of one host`);
  return { ...target, endpoint: { address, port: target.port } };
}

async function lookUp(host: string, family: 0 | 4 | 6): Promise<IpAddress> {
  try {
    const found = await lookup(host, { family });
    const address = IpAddress.parse(found.address);
    if (address !== undefined) return address;
  } catch (cause) {
    throw noAddress(host, (cause as NodeJS.ErrnoException).code ?? 'ENOTFOUND');
  }
  throw noAddress(host, 'ENOTFOUND');
}

const lookUpFailures: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'no name server answers',
};

function noAddress(host: string, code: string): EnvironmentError {
  const why = lookUpFailures[code] ?? code;
  return new EnvironmentError(
    `there is no address for ${host}: ${why}`,
    'see how it is spelled, or give an address',
  );
}

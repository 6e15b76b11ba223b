/**
 * The servers behind a balancer: who they are, how much each takes, and in what state it is. A set is never changed; a
 * new one takes its place. Knows nothing of packets or designs.
 */
import { SubflowError } from '../base/index.js';
import type { IpAddress } from '../wire/index.js';

/** Most servers in a set. */
export const maxServers = 1024;
/** Highest number of a server; 0 stands for none. */
export const maxServerId = 16_383;
/** Most that a server may weigh. */
export const maxServerWeight = 100;

/**
 * ```
 * up --> draining --> gone
 *  ^        |           |
 *  +--------+-----------+
 * ```
 * `up` takes new connections; `draining` keeps those it has; `gone` is out of reach, as if it was not in the list.
 */
export type ServerState = 'up' | 'draining' | 'gone';

/** A server as its operator describes it. */
export interface ServerSpec {
  /** 1 to {@link maxServerId}; stays the same for as long as the server has connections. */
  readonly id: number;
  /** Its own address; those of all servers of a set are of one family. */
  readonly address: IpAddress;
  /** Share of new connections against the other servers, 1 to {@link maxServerWeight}. Default 1. */
  readonly weight?: number;
  /** Default up. */
  readonly state?: ServerState;
}

/** A server that is in reach. */
export interface Server {
  readonly id: number;
  readonly address: IpAddress;
  readonly weight: number;
  readonly state: 'up' | 'draining';
}

/** What a change of servers was. */
export interface ServerChange {
  /** Servers that were not in reach before. */
  readonly added: readonly number[];
  /** Servers that no longer are. */
  readonly gone: readonly number[];
  /** Servers that take no new connections any more. */
  readonly draining: readonly number[];
}

/** The servers in reach. */
export class ServerSet {
  /** By rising id, whatever order they were given in: so two balancers with the same list agree on everything. */
  readonly all: readonly Server[];
  /** Those that take new connections. */
  readonly up: readonly Server[];
  /** Position in `all` of each id, plus one. */
  private readonly places = new Uint16Array(maxServerId + 1);

  /** Throws `ERR_SUBFLOW_BAD_SERVER`. */
  constructor(specs: readonly ServerSpec[]) {
    check(specs);
    this.all = specs
      .filter(({ state }) => state !== 'gone')
      .map(({ id, address, weight, state }) => {
        const reachable = state === 'draining' ? 'draining' : 'up';
        return { id, address, weight: weight ?? 1, state: reachable } as const;
      })
      .sort((a, b) => a.id - b.id);
    this.up = this.all.filter(({ state }) => state === 'up');
    this.all.forEach(({ id }, index) => (this.places[id] = index + 1));
  }

  /** The server with this number, 0 to {@link maxServerId}; undefined when it is not in reach. */
  find(id: number): Server | undefined {
    return this.all[this.places[id]! - 1];
  }

  /** The position of a server in {@link all}, counted from 1; 0 when it is not in reach. */
  placeOf(id: number): number {
    return this.places[id]!;
  }

  /** How this set differs from the one `before` it. */
  changesSince(before: ServerSet): ServerChange {
    const ids = (servers: readonly Server[]): number[] => servers.map(({ id }) => id);
    return {
      added: ids(this.all.filter(({ id }) => before.find(id) === undefined)),
      gone: ids(before.all.filter(({ id }) => this.find(id) === undefined)),
      draining: ids(before.up.filter(({ id }) => this.find(id)?.state === 'draining')),
    };
  }
}

/** Whether a packet can be for one host by this address. */
export function isAddressOfHost({ isMulticast, isUnspecified, isBroadcast }: IpAddress): boolean {
  return !isMulticast && !isUnspecified && !isBroadcast;
}

function check(specs: readonly ServerSpec[]): void {
  if (specs.length > maxServers) throw bad(`${specs.length} servers are more than ${maxServers}`);
  const ids = new Set<number>();
  for (const { id, address, weight = 1 } of specs) {
    if (!isWithin(id, maxServerId)) throw bad(`server ${id}: the number lies from 1 to ${maxServerId}`);
    if (!isWithin(weight, maxServerWeight))
      throw bad(`server ${id}: the weight lies from 1 to ${maxServerWeight}, not at ${weight}`);
    if (!isAddressOfHost(address)) throw bad(`server ${id}: ${address.toString()} is no address of a host`);
    if (address.family !== specs[0]!.address.family)
      throw bad(`server ${id}: the addresses of all servers are of one family`);
    if (ids.has(id)) throw bad(`server ${id} is there twice`);
    ids.add(id);
  }
}

function isWithin(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most;
}

function bad(message: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_BAD_SERVER', message, {
    hint: 'Give each server a number of its own, one address and a weight.',
  });
}

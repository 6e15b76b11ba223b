/**
 * What a balancer answers for: addresses and ports of services, and the range of ports that stand for servers. Knows
 * nothing of servers but their numbers.
 */
import { SubflowError } from '../base/index.js';
import { formatEndpoint, type Endpoint } from '../wire/index.js';
import { isAddressOfHost, maxServerId } from './servers.js';

/** Most services of one balancer. */
export const maxServices = 64;
/** Port of server 0, which does not exist: server N has this plus N. */
export const defaultJoinPortBase = 65_535 - maxServerId;

/** What a packet's destination is. */
export const Destination = { FOREIGN: 0, SERVICE: 1, SERVER_PORT: 2, NO_SERVICE: 3 } as const;

/** See the module. */
export class Services {
  /** In the order given. */
  readonly endpoints: readonly Endpoint[];
  /** Server N is reached at the address of every service by this port plus N; 0 when there are no such ports. */
  readonly joinPortBase: number;
  /** After {@link classify}: position of the service; that of any service with this address for a server's port. */
  service = -1;
  /** After {@link classify}: the server that the port stands for; 0 for none. */
  server = 0;

  /** Throws `ERR_SUBFLOW_BAD_SERVICE`. */
  constructor(endpoints: readonly Endpoint[], joinPortBase: number) {
    this.endpoints = endpoints;
    this.joinPortBase = joinPortBase;
    if (endpoints.length === 0 || endpoints.length > maxServices)
      throw bad(`a balancer has 1 to ${maxServices} services, not ${endpoints.length}`);
    if (joinPortBase !== 0 && (joinPortBase < 0 || joinPortBase + maxServerId > 65_535))
      throw bad(`${joinPortBase} leaves no room for ${maxServerId} ports of servers`);
    endpoints.forEach((endpoint, index) => this.checkEndpoint(endpoint, index));
  }

  private checkEndpoint(endpoint: Endpoint, index: number): void {
    const { address, port } = endpoint;
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw bad(`${port} is no port`);
    if (!isAddressOfHost(address)) throw bad(`${address.toString()} is no address of a host`);
    if (this.serverOf(port) !== 0)
      throw bad(`port ${port} stands for server ${this.serverOf(port)}; choose another base`);
    const isTwice = this.endpoints.some(
      (other, at) => at < index && other.port === port && other.address.equals(address),
    );
    if (isTwice) throw bad(`${formatEndpoint(endpoint)} is there twice`);
  }

  /** The server that `port` stands for; 0 for none. */
  serverOf(port: number): number {
    const id = port - this.joinPortBase;
    return this.joinPortBase !== 0 && id >= 1 && id <= maxServerId ? id : 0;
  }

  /** What the address of `family` at `offset` is, with `port`: one of {@link Destination}. */
  classify(family: 4 | 6, bytes: Uint8Array, offset: number, port: number): number {
    const { endpoints } = this;
    this.server = 0;
    this.service = -1;
    for (let i = 0; i < endpoints.length; i++) {
      const { address, port: own } = endpoints[i]!;
      if (address.family !== family || !address.equalsBytes(bytes, offset)) continue;
      this.service = i;
      if (own === port) return Destination.SERVICE;
    }
    if (this.service < 0) return Destination.FOREIGN;
    this.server = this.serverOf(port);
    return this.server === 0 ? Destination.NO_SERVICE : Destination.SERVER_PORT;
  }
}

function bad(message: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_BAD_SERVICE', message, {
    hint: 'Name addresses and ports of services, each once, outside the ports that stand for servers.',
  });
}

/**
 * What the kernel's own path manager is told: its limits and its endpoints, read and changed.
 *
 * Read first: ip-mptcp(8); Documentation/netlink/specs/mptcp_pm.yaml of the kernel.
 */
import {
  type Attribute,
  decodeEndpoint,
  decodeLimits,
  endpointAttributes,
  type EndpointFlag,
  endpointIdAttributes,
  type KernelEndpoint,
  type KernelLimits,
  limitAttributes,
  type NewEndpoint,
  PATH_MANAGER_FAMILY,
  PATH_MANAGER_VERSION,
  pathManagerCommands,
} from '../../netlink/index.js';
import { NetlinkSocket } from './netlink-socket.js';

const { addEndpoint, removeEndpoint, getEndpoint, flushEndpoints, setLimits, getLimits, setFlags } =
  pathManagerCommands;

/**
 * The path manager of one namespace: that of the calling thread when this is made. Each command is carried out when its method returns.
 * @throws, every method: NetlinkError `EPERM` without CAP_NET_ADMIN for changes, `EINVAL` and others with the kernel's reason.
 */
export class KernelEndpoints {
  private readonly socket: NetlinkSocket;
  private readonly family: number;

  /** @throws NetlinkError `ENOENT` where the kernel has no Multipath TCP. */
  constructor() {
    this.socket = new NetlinkSocket();
    try {
      this.family = this.socket.family(PATH_MANAGER_FAMILY);
    } catch (error) {
      this.socket.close();
      throw error;
    }
  }

  /** The limits. */
  limits(): KernelLimits {
    return decodeLimits(this.command('limits', getLimits, []) ?? new Map());
  }

  /** Sets limits; those left out stay. The most that the kernel takes is 8. */
  setLimits(limits: Partial<KernelLimits>): void {
    this.command('limits', setLimits, limitAttributes(limits));
  }

  /** The endpoints, by ID. */
  list(): KernelEndpoint[] {
    const { family } = this;
    const request = { family, command: getEndpoint, version: PATH_MANAGER_VERSION, attributes: [] };
    return this.socket.dump('endpoints', request).flatMap((data) => decodeEndpoint(data) ?? []);
  }

  /** The endpoint with an ID; undefined where there is none. */
  get(id: number): KernelEndpoint | undefined {
    return this.list().find((endpoint) => endpoint.id === id);
  }

  /**
   * Makes an endpoint, from which the connections that there are get a subflow at once, where it has the flag for that.
   * @throws as the class: `EEXIST` for an address that has one, `ERANGE` where there are 8, `EBUSY` for an ID in use.
   */
  add(endpoint: NewEndpoint): void {
    this.command('endpoint add', addEndpoint, endpointAttributes(endpoint));
  }

  /** Removes the endpoint with an ID, 1 to 255; its subflows end. @throws as the class, `EINVAL` when there is none. */
  remove(id: number): void {
    this.command('endpoint delete', removeEndpoint, endpointIdAttributes(id));
  }

  /** Ends the subflows from the address that connections began with, which is none of an endpoint's (ID 0). */
  removeInitial(address: string): void {
    this.command('endpoint delete', removeEndpoint, endpointAttributes({ address, id: 0, flags: [] }));
  }

  /** Removes all endpoints; their subflows end. */
  flush(): void {
    this.command('endpoint flush', flushEndpoints, endpointIdAttributes(0));
  }

  /** Sets flags of an endpoint: of `backup` and `fullmesh` those that are named, and no others. Its subflows follow. */
  setFlags(id: number, flags: readonly EndpointFlag[]): void {
    this.command('endpoint change', setFlags, endpointIdAttributes(id, flags));
  }

  close(): void {
    this.socket.close();
  }

  private command(
    label: string,
    command: number,
    attributes: readonly Attribute[],
  ): ReadonlyMap<number, Uint8Array> | undefined {
    const { family } = this;
    return this.socket.request(label, { family, command, version: PATH_MANAGER_VERSION, attributes });
  }
}

/** Does something with the path manager of the calling thread's namespace. @throws as {@link KernelEndpoints}. */
export function withKernelEndpoints<T>(action: (endpoints: KernelEndpoints) => T): T {
  const endpoints = new KernelEndpoints();
  try {
    return action(endpoints);
  } finally {
    endpoints.close();
  }
}

/** The limits. @throws NetlinkError `ENOENT` where the kernel has no Multipath TCP. */
export function kernelLimits(): KernelLimits {
  return withKernelEndpoints((endpoints) => endpoints.limits());
}

/** The endpoints. @throws NetlinkError `ENOENT` where the kernel has no Multipath TCP. */
export function kernelEndpoints(): KernelEndpoint[] {
  return withKernelEndpoints((endpoints) => endpoints.list());
}

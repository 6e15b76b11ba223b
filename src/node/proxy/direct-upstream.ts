/** Connects from this host, over Multipath TCP where the kernel has it: the first address of a name that answers. */
import { isMultipath, kernelMptcp, localAddressOf } from '../../linux/index.js';
import { type Endpoint, IpAddress } from '../../wire/index.js';
import type { ConnectOptions } from '../options.js';
import { SocketEnd } from '../relay/index.js';
import { type Lookup, permittedAddresses } from './permitted-addresses.js';
import { race } from './race.js';
import type { OpenedConnection, Upstream, UpstreamRequest } from './upstream.js';

/** How connections from this host are to be. */
export interface DirectOptions {
  /** Over plain TCP. Default: where the kernel has no Multipath TCP. */
  readonly isPlain?: boolean | undefined;
  /** What is wanted of several paths; needs Multipath TCP. */
  readonly serviceType?: ConnectOptions['serviceType'];
  readonly serviceOptions?: ConnectOptions['serviceOptions'];
  /** In place of `dns.lookup`. */
  readonly lookup?: Lookup | undefined;
}

/** See the module. */
export class DirectUpstream implements Upstream {
  readonly name = 'direct';
  readonly isDirect = true;
  private readonly options: DirectOptions;
  private readonly isPlain: boolean;

  constructor(options: DirectOptions = {}) {
    this.options = options;
    this.isPlain = options.isPlain === true || !kernelMptcp().available;
  }

  async open(request: UpstreamRequest): Promise<OpenedConnection> {
    const { host, port, rules, signal } = request;
    const addresses = await permittedAddresses(host, rules, signal, this.options.lookup);
    const { end } = await this.connect(addresses, port, request);
    const { fd } = end;
    return {
      ...{ end, earlyBytes: 0, received: new Uint8Array(0), way: this.name, isFastOpen: false },
      bound: fd === undefined ? undefined : localEndpoint(fd),
      isServerMultipath: fd !== undefined && isMultipath(fd),
    };
  }

  /** A connection to the first of `addresses` that answers; rejects as {@link race} does. */
  connect(
    addresses: readonly IpAddress[],
    port: number,
    { signal, isMultipath: isWanted }: Pick<UpstreamRequest, 'signal' | 'isMultipath'>,
  ): ReturnType<typeof race> {
    const { serviceType, serviceOptions } = this.options;
    const isPlainTcp = isWanted === false || this.isPlain;
    const service = isPlainTcp || serviceType === undefined ? {} : { serviceType };
    const more = isPlainTcp || serviceOptions === undefined ? {} : { serviceOptions };
    const options = { port, noDelay: true, ...service, ...more };
    return race(
      addresses,
      (address) => SocketEnd.connecting({ ...options, host: address.toString() }, isPlainTcp),
      signal,
    );
  }
}

/** This host's end of a connection. */
export function localEndpoint(fd: number): Endpoint | undefined {
  const { address, port } = localAddressOf(fd);
  const parsed = IpAddress.parse(address);
  return parsed === undefined ? undefined : { address: parsed.mappedV4 ?? parsed, port };
}

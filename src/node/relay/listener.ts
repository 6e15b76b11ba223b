/** Listening for a proxy: sockets of the kernel, of Multipath TCP where it has it, with Fast Open where it is on. */
import { closeSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import {
  Acceptor,
  kernelMptcp,
  listenKernel,
  localAddressOf,
  mayServeFastOpen,
  type SocketAddress,
} from '../../linux/index.js';
import { IpAddress } from '../../wire/index.js';
import { prepareKernelServer, pushEarlyAnswers } from '../fast-open.js';
import { codeOf, netError } from '../net-error.js';
import { sharedBudget } from './descriptor-budget.js';
import { sharedLoop } from './relay-loop.js';
import { RelaySocket } from './relay-socket.js';

/** Where and how to listen. */
export interface RelayListenOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** Over plain TCP. Default: where the kernel has no Multipath TCP. */
  readonly isPlain?: boolean | undefined;
  /** Whether data is taken from SYNs where the kernel may; Fast Open cookies are asked for unless told otherwise. Default true. */
  readonly fastOpen?: boolean | { readonly requireCookie: boolean } | undefined;
}

/** Connections that wait to be taken: as many as Linux lets by itself. */
export const RELAY_BACKLOG = 4096;

/** A client that came. */
export interface Arrival {
  /** Its connection, which nobody read from. */
  readonly client: RelaySocket;
  /** Where it comes from; of IPv4 where it came by IPv4. */
  readonly address: IpAddress;
  readonly port: number;
}

/** Told of clients. */
export interface RelayServer {
  onArrival(arrival: Arrival): void;
  /**
   * A client was closed at once, for `reason` (`EMFILE`: no descriptor for it and its server); without an `address`, clients wait.
   */
  onShortage(reason: string, address: IpAddress | undefined): void;
}

/** A descriptor that listens, and hands clients out once there is somebody to. */
export class RelayListener {
  readonly address: AddressInfo;
  readonly isMultipath: boolean;
  readonly hasFastOpen: boolean;
  private readonly fd: number;
  private acceptor: Acceptor | undefined = undefined;
  private isClosed = false;

  /** `fd` is closed by {@link close}. */
  constructor(fd: number, isMultipath: boolean, hasFastOpen: boolean) {
    const { address, family, port } = localAddressOf(fd);
    this.address = { address, family: `IPv${family}`, port };
    this.isMultipath = isMultipath;
    this.hasFastOpen = hasFastOpen;
    this.fd = fd;
  }

  /** Called once. @throws where no descriptor is left to wait for clients with; it is closed then. */
  serve(server: RelayServer): void {
    const onShortage = (reason: string, peer: SocketAddress | undefined): void =>
      server.onShortage(reason, addressOf(peer));
    try {
      const [loop, budget] = [sharedLoop(), sharedBudget()];
      const onArrival = (fd: number, peer: SocketAddress | undefined): void => {
        if (budget.take()) this.welcome(server, fd, peer, budget.release);
        else {
          closeSync(fd);
          onShortage('EMFILE', peer);
        }
      };
      this.acceptor = new Acceptor(this.fd, { onArrival, onShortage }, (fd, accept) =>
        loop.watch(fd, accept),
      );
    } catch (error) {
      this.close();
      throw error;
    }
  }

  private welcome(
    server: RelayServer,
    fd: number,
    peer: SocketAddress | undefined,
    release: () => void,
  ): void {
    const client = RelaySocket.accepted(fd, peer);
    client.onceClosed(release);
    const address = addressOf(peer);
    if (this.hasFastOpen) pushEarlyAnswers(() => client.fd);
    if (address === undefined) client.reset();
    else server.onArrival({ client, address, port: peer!.port });
  }

  /** Takes no more clients. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.acceptor?.close();
    closeSync(this.fd);
  }
}

function addressOf(peer: SocketAddress | undefined): IpAddress | undefined {
  const address = peer === undefined ? undefined : IpAddress.parse(peer.address);
  return address?.mappedV4 ?? address;
}

/** What a log says of {@link RelayServer.onShortage}. */
export function shortageFields(reason: string, address: IpAddress | undefined): Record<string, string> {
  return { ...(address !== undefined && { client: address.toString() }), reason };
}

/** Listens. Throws as `net` does where that cannot be. */
export function listenForRelay({ host, port, isPlain, fastOpen = true }: RelayListenOptions): RelayListener {
  const isMultipath = isPlain !== true && kernelMptcp().available;
  const hasFastOpen = fastOpen !== false && mayServeFastOpen();
  try {
    const fd = listenKernel({
      ...{ address: host, port, backlog: RELAY_BACKLOG, protocol: isMultipath ? 'mptcp' : 'tcp' },
      prepare: (socket) => prepareKernelServer(socket, hasFastOpen && fastOpen),
    });
    return new RelayListener(fd, isMultipath, hasFastOpen);
  } catch (error) {
    throw netError(codeOf(error) ?? 'EINVAL', 'listen', { address: host, port });
  }
}

/** Listening for a proxy: sockets of the kernel, of Multipath TCP where it has it, with Fast Open where it is on. */
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { kernelMptcp, listenKernel, mayServeFastOpen } from '../../linux/index.js';
import { prepareKernelServer } from '../fast-open.js';
import { codeOf, netError } from '../net-error.js';

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

/** A listener that hands out sockets which nobody read from. */
export interface RelayListener {
  readonly server: NetServer;
  readonly address: AddressInfo;
  readonly isMultipath: boolean;
  readonly hasFastOpen: boolean;
}

/** Listens; what `server` accepts is as `SocketEnd.accepted` takes it. Rejects as `net` does where that cannot be. */
export async function listenForRelay({
  host,
  port,
  isPlain,
  fastOpen = true,
}: RelayListenOptions): Promise<RelayListener> {
  const isMultipath = isPlain !== true && kernelMptcp().available;
  const hasFastOpen = fastOpen !== false && mayServeFastOpen();
  let fd: number;
  try {
    fd = listenKernel({
      ...{ address: host, port, protocol: isMultipath ? 'mptcp' : 'tcp' },
      prepare: (socket) => prepareKernelServer(socket, hasFastOpen && fastOpen),
    });
  } catch (error) {
    throw netError(codeOf(error) ?? 'EINVAL', 'listen', { address: host, port });
  }
  const server = new NetServer({ pauseOnConnect: true, allowHalfOpen: true });
  try {
    server.listen({ fd });
    await once(server, 'listening');
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { server, address: server.address() as AddressInfo, isMultipath, hasFastOpen };
}

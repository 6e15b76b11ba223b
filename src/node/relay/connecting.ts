/** Connections to servers, for a relay: of Multipath TCP where that is wanted and the kernel has it. */
import { closeSync } from 'node:fs';
import { connectKernel, markSocket } from '../../linux/index.js';
import type { IpAddress } from '../../wire/index.js';
import { prepareKernelClient } from '../fast-open.js';
import { lackOf } from '../kernel-attempts.js';
import { KernelService } from '../kernel-service/index.js';
import { codeOf, netError } from '../net-error.js';
import type { ConnectOptions } from '../options.js';
import { RelaySocket } from './relay-socket.js';

/** Where and how to connect. */
export interface RelayConnectOptions {
  readonly address: IpAddress;
  readonly port: number;
  /** Over plain TCP. */
  readonly isPlain: boolean;
  /** As those of `connect` (options.ts). */
  readonly serviceType?: ConnectOptions['serviceType'] | undefined;
  readonly serviceOptions?: ConnectOptions['serviceOptions'];
  readonly mark?: number | undefined;
  readonly fastOpen?: ConnectOptions['fastOpen'];
  readonly localAddress?: string | undefined;
}

/**
 * Begins to connect; `settled` is told, later, that the connection is there or why it is not, as `net` tells it, and nothing where it is reset
 * before. Throws as `net` does where it cannot even begin, and as {@link KernelService} does.
 */
export function connectForRelay(options: RelayConnectOptions, settled: (error?: Error) => void): RelaySocket {
  const { serviceType = 'none', serviceOptions, isPlain, port } = options;
  const place = { address: options.address.toString(), port };
  if (isPlain || serviceType === 'none') return opened(options, place, settled);
  const service = new KernelService({ type: serviceType, ...serviceOptions });
  try {
    const socket = opened(options, place, (error) => {
      if (error === undefined) service.begin({ descriptor: () => socket.fd, remote: place });
      settled(error);
    });
    socket.onceClosed(() => service.close());
    return socket;
  } catch (error) {
    service.close();
    throw error;
  }
}

function opened(
  options: RelayConnectOptions,
  place: { readonly address: string; readonly port: number },
  settled: (error?: Error) => void,
): RelaySocket {
  const fd = begin(options, place);
  try {
    return RelaySocket.connecting(fd, place, settled);
  } catch (error) {
    closeSync(fd);
    throw netError(codeOf(error) ?? 'EMFILE', 'connect', place);
  }
}

function begin(
  { isPlain, mark, fastOpen, localAddress }: RelayConnectOptions,
  place: { readonly address: string; readonly port: number },
): number {
  const open = (protocol: 'tcp' | 'mptcp'): number =>
    connectKernel({
      ...{ ...place, protocol },
      ...(localAddress !== undefined && { localAddress }),
      prepare: (fd) => {
        if (mark !== undefined) markSocket(fd, mark);
        prepareKernelClient(fd, fastOpen);
      },
    });
  try {
    if (isPlain) return open('tcp');
    try {
      return open('mptcp');
    } catch (error) {
      // Switched off in the meantime.
      if (lackOf(error) === undefined) throw error;
      return open('tcp');
    }
  } catch (error) {
    const code = codeOf(error);
    const { syscall } = error as { syscall?: string };
    if (code === undefined || code.startsWith('ERR_SUBFLOW')) throw error;
    if (syscall === 'bind') throw netError(code, 'bind', { address: localAddress });
    throw netError(code, 'connect', place);
  }
}

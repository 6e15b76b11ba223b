/** One connection between our stack and the kernel, in either role, with a payload each way; and what must hold after. */
import { expect } from 'vitest';
import type { KernelProtocol, MibCounters } from '../../../src/linux/index.js';
import type { ConnectionSettings } from '../../../src/stack/index.js';
import {
  connectFromKernel,
  KernelServer,
  Payload,
  type Closing,
  type KernelTransfer,
  type OurTransfer,
} from './transfer.js';
import type { TwoPaths } from './two-paths.js';

/** What our stack is. */
export type Role = 'client' | 'server';

export interface ExchangeOptions {
  readonly role: Role;
  /** What we send and what the kernel sends; or just as many random bytes each way. */
  readonly bytes: number | readonly [Payload, Payload];
  /** Who closes its direction only after the other did; nobody when absent. */
  readonly closesLast?: 'us' | 'kernel';
  /** What the kernel's socket speaks; `mptcp` when absent. */
  readonly kernelProtocol?: KernelProtocol;
  /** For our connection or listener. */
  readonly settings?: ConnectionSettings;
}

const PORT = 7000;

export class Exchange {
  readonly ours: OurTransfer;
  readonly kernel: KernelTransfer;
  private readonly fromUs: Payload;
  private readonly fromKernel: Payload;
  private readonly listener: KernelServer | undefined;

  private constructor(
    ours: OurTransfer,
    kernel: KernelTransfer,
    payloads: readonly [Payload, Payload],
    listener: KernelServer | undefined,
  ) {
    this.ours = ours;
    this.kernel = kernel;
    [this.fromUs, this.fromKernel] = payloads;
    this.listener = listener;
  }

  /** Connects; both sides have the connection when it settles. */
  static async begin(paths: TwoPaths, options: ExchangeOptions): Promise<Exchange> {
    const { bytes } = options;
    const payloads = typeof bytes === 'number' ? ([new Payload(bytes), new Payload(bytes)] as const) : bytes;
    return options.role === 'client'
      ? Exchange.asClient(paths, options, payloads)
      : Exchange.asServer(paths, options, payloads);
  }

  private static async asClient(
    paths: TwoPaths,
    options: ExchangeOptions,
    payloads: readonly [Payload, Payload],
  ): Promise<Exchange> {
    const listener = new KernelServer(
      paths.kernel,
      paths.family === 4 ? '0.0.0.0' : '::',
      PORT,
      options.kernelProtocol,
    );
    const ours = paths.act((now) => {
      const socket = paths.stack.connect(now, { remote: paths.kernelEndpoint(1, PORT), ...options.settings });
      return paths.application.add(socket, payloads[0].bytes, closing(options, 'us'));
    });
    const kernel = await listener.accept(payloads[1].bytes, closing(options, 'kernel'));
    return new Exchange(ours, kernel, payloads, listener);
  }

  private static async asServer(
    paths: TwoPaths,
    options: ExchangeOptions,
    payloads: readonly [Payload, Payload],
  ): Promise<Exchange> {
    const listener = paths.act((now) =>
      paths.stack.listen(now, { local: { port: PORT }, ...options.settings }),
    );
    const accepted = paths.application.accept(listener, payloads[0].bytes, closing(options, 'us'));
    const kernel = connectFromKernel(paths.kernel, {
      address: paths.ourAddress(1),
      port: PORT,
      payload: payloads[1].bytes,
      closes: closing(options, 'kernel'),
      ...(options.kernelProtocol === undefined ? {} : { protocol: options.kernelProtocol }),
    });
    return new Exchange(await accepted, kernel, payloads, undefined);
  }

  /** Waits for both sides to end and checks that each got every byte of the other. */
  async expectWhole(): Promise<void> {
    const [ours, kernel] = await Promise.all([this.ours.finished, this.kernel.finished]);
    this.listener?.close();
    expect({ ours, kernel }).toEqual({
      ours: { bytes: this.fromKernel.bytes.length, sha256: this.fromKernel.sha256, error: undefined },
      kernel: { bytes: this.fromUs.bytes.length, sha256: this.fromUs.sha256, error: undefined },
    });
  }

  /** Stops listening, when the kernel's side does. */
  close(): void {
    this.listener?.close();
  }
}

function closing(options: ExchangeOptions, side: 'us' | 'kernel'): Closing {
  return options.closesLast === side ? 'after-peer' : 'when-sent';
}

/** Counters of the kernel that only a peer with a fault makes move (TcpInErrs moves with a SYN+ACK that was sent again). */
const COMPLAINTS = [
  'MPTcpExtMPJoinNoTokenFound',
  'MPTcpExtMPJoinSynAckHMacFailure',
  'MPTcpExtMPJoinAckHMacFailure',
  'MPTcpExtDSSNotMatching',
  'MPTcpExtDSSNoMatchTCP',
  'MPTcpExtDataCsumErr',
  'MPTcpExtMPFailTx',
  'MPTcpExtMPFailRx',
  'MPTcpExtDSSCorruptionFallback',
  'MPTcpExtDSSCorruptionReset',
  'MPTcpExtInfiniteMapRx',
  'MPTcpExtMPCapableFallbackACK',
  'MPTcpExtMPCapableFallbackSYNACK',
  'MPTcpExtMPCapableDataFallback',
  'MPTcpExtDssFallback',
  'MPTcpExtFallbackFailed',
  'TcpInCsumErrors',
];

/** Checks that the kernel has nothing to complain about, and counted what `expected` says. */
export function expectCounters(counters: MibCounters, expected: Record<string, number>): void {
  const looked = [...COMPLAINTS, ...Object.keys(expected)];
  const found = Object.fromEntries(looked.map((name) => [name, counters.get(name)]));
  const wanted = Object.fromEntries(COMPLAINTS.map((name) => [name, 0]));
  expect(found).toEqual({ ...wanted, ...expected });
}

/**
 * A Transport Converter at work: listens, admits clients, and gives each a {@link ConverterSession}. Over the kernel's
 * Multipath TCP on both sides where it has it, else over plain TCP.
 * Read first: RFC 8803 §4 and §9.
 */
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { MILLISECOND, RateLimiter } from '../../base/index.js';
import {
  ConvertCookies,
  ConvertErrorCode,
  convertibleKinds,
  type ConverterPolicy,
  DEFAULT_CONVERT_PORT,
} from '../../convert/index.js';
import { type IpAddress, TcpOptionKind } from '../../wire/index.js';
import { CryptoRandom } from '../crypto-random.js';
import {
  type Abortable,
  type AccessRules,
  type Arrival,
  closedRules,
  listenForRelay,
  mayUse,
  type Refusal,
  type RelayLimits,
  type RelayListener,
  RelaySet,
  shortageFields,
  type RelaySocket,
} from '../relay/index.js';
import type { ConverterContext, ConverterEvent } from './context.js';
import { ConverterSession } from './session.js';

/** How a converter is to be. */
export interface ConverterOptions {
  /** Address to listen on. Default 127.0.0.1. */
  readonly host?: string;
  /** Port to listen on, 0: any. Default 5124. */
  readonly port?: number;
  /** Who may use it, and for what. Default: this machine, for public addresses. */
  readonly rules?: AccessRules;
  readonly limits?: Partial<RelayLimits>;
  /** Whether each client has to show a cookie that it was given (RFC 8803 §6.2.7). Default false. */
  readonly requireCookie?: boolean;
  /** Whether a client's message is taken from its SYN; Fast Open cookies are asked for unless told otherwise. Default true. */
  readonly fastOpen?: boolean | { readonly requireCookie: boolean };
  /** Over plain TCP on both sides. Default: where the kernel has no Multipath TCP. */
  readonly isPlain?: boolean;
  /** Time for a client's message, in ms. Default 5,000. */
  readonly helloMs?: number;
  /** Time for a server to answer, in ms. Default 10,000. */
  readonly connectMs?: number;
  /** Told what happens. */
  readonly log?: (event: ConverterEvent, fields: Record<string, unknown>) => void;
}

/** Errors told a second, and at once: clients that cause more get resets (RFC 8803 §6.2.5). */
const ERRORS_PER_SECOND = 200;
const ERROR_BURST = 1_000;
/** Clients without a place that are still told so. */
const MAX_FAREWELLS = 1_000;

/** See the module. */
export class ConverterServer {
  readonly relays: RelaySet;
  /** Where it listens. */
  readonly address: AddressInfo;
  readonly isMultipath: boolean;
  /** Whether messages are taken from SYNs. */
  readonly hasFastOpen: boolean;
  private readonly listener: RelayListener;
  private readonly sessions = new Set<Abortable>();
  private readonly context: ConverterContext;
  private rules: AccessRules;
  private connectMs: number;
  /** Clients without a place that are being told. */
  private farewells = 0;

  private constructor(listener: RelayListener, options: ConverterOptions) {
    this.listener = listener;
    this.address = listener.address;
    this.isMultipath = listener.isMultipath;
    this.hasFastOpen = listener.hasFastOpen;
    this.relays = new RelaySet(options.limits);
    this.rules = options.rules ?? closedRules;
    this.connectMs = options.connectMs ?? 10_000;
    this.context = this.makeContext(options);
    listener.serve({
      onArrival: (arrival) => this.accept(arrival),
      onShortage: (reason, address) => this.context.log('exhausted', shortageFields(reason, address)),
    });
  }

  /** Starts one. Rejects as `net` does where it cannot listen. */
  static start(options: ConverterOptions = {}): Promise<ConverterServer> {
    const { host = '127.0.0.1', port = DEFAULT_CONVERT_PORT, isPlain, fastOpen } = options;
    return new Promise((resolve) => {
      resolve(new ConverterServer(listenForRelay({ host, port, isPlain, fastOpen }), options));
    });
  }

  private makeContext(options: ConverterOptions): ConverterContext {
    const cookies = options.requireCookie === true ? new ConvertCookies(new CryptoRandom()) : undefined;
    const errors = new RateLimiter(ERRORS_PER_SECOND, ERROR_BURST);
    const supportedKinds = convertibleKinds.filter(
      (kind) => this.isMultipath || kind !== TcpOptionKind.MPTCP,
    );
    return {
      ...{ isMultipath: this.isMultipath, relays: this.relays, sessions: this.sessions },
      helloMs: options.helloMs ?? 5_000,
      connectMs: () => this.connectMs,
      policy: (): ConverterPolicy => ({
        ...{ supportedKinds, cookies },
        isLoopbackAllowed: this.rules.allowLoopback,
      }),
      rules: () => this.rules,
      mayTellError: () => errors.mayPass(performance.now() * MILLISECOND),
      nowMs: () => performance.now(),
      wallNs: () => Date.now() * MILLISECOND,
      log: options.log ?? (() => undefined),
    };
  }

  /** Rules that hold for whatever is asked for from now on. */
  setRules(rules: AccessRules): void {
    this.rules = rules;
  }

  /** Time for a server to answer that holds for whatever is asked for from now on, in ms. */
  setConnectMs(connectMs: number): void {
    this.connectMs = connectMs;
  }

  private accept({ client, address }: Arrival): void {
    if (!mayUse(this.rules, address)) {
      this.turnAway(client, address, ConvertErrorCode.NOT_AUTHORIZED, 'client');
      return;
    }
    const place = this.relays.admit(address.toString());
    if (typeof place === 'string') {
      this.turnAway(client, address, ConvertErrorCode.RESOURCE_EXCEEDED, place);
      return;
    }
    new ConverterSession(this.context, client, address, place).begin();
  }

  private turnAway(client: RelaySocket, address: IpAddress, code: number, reason: Refusal | 'client'): void {
    this.context.log('refused', { client: address.toString(), reason });
    if (this.farewells >= MAX_FAREWELLS) {
      client.reset();
      return;
    }
    this.farewells++;
    client.onceClosed(() => this.farewells--);
    new ConverterSession(this.context, client, address, undefined).refuse(code, reason);
  }

  /** Takes no more clients, and settles when all are gone: at once those without a server, the others within `patienceMs`. */
  async close(patienceMs = 0): Promise<void> {
    this.listener.close();
    const drained = this.relays.close(patienceMs);
    for (const session of [...this.sessions]) session.abort('stopping');
    await drained;
  }
}

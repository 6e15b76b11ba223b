/**
 * A proxy at work: listens in several places, admits clients, and gives each a {@link ProxySession} with the dialogue of its
 * protocol. Which upstream connections go through, who may use it, and who the users are can change while it works: what is
 * asked for from then on is held to it.
 */
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { SOCKS6_VERSION } from '../../socks/index.js';
import { CryptoRandom } from '../crypto-random.js';
import {
  type Abortable,
  type AccessRules,
  type Arrival,
  closedRules,
  listenForRelay,
  mayUse,
  type RelayLimits,
  type RelayListener,
  type RelayListenOptions,
  RelaySet,
  shortageFields,
} from '../relay/index.js';
import type { Dialogue } from './dialogue.js';
import { checkProtocols, dialogueFor, type DialogueSettings, type ListenProtocol } from './dialogue-for.js';
import { DirectUpstream } from './direct-upstream.js';
import type { Authenticate, ProxyContext, ProxyTimes } from './proxy-context.js';
import type { ProxyEvent } from './proxy-events.js';
import { ProxySession } from './proxy-session.js';
import { Socks6Sessions } from './socks6-sessions.js';
import type { Upstream } from './upstream.js';

/** One place to listen. */
export interface ProxyListenOptions extends RelayListenOptions {
  /** What clients may speak there; told apart by their first byte where there are several. Default: all but transparent. */
  readonly protocols?: readonly ListenProtocol[];
}

/** How a proxy is to be. */
export interface ProxyOptions extends Partial<ProxyTimes> {
  /** Default: 127.0.0.1:1080. */
  readonly listen?: readonly ProxyListenOptions[];
  /** How it gets to servers. Default: directly. */
  readonly upstream?: Upstream;
  /** Who may use it, and for what. Default: this machine, for public addresses. */
  readonly rules?: AccessRules;
  readonly limits?: Partial<RelayLimits>;
  /** Says whether user and password are right. Default: nobody is asked. */
  readonly authenticate?: Authenticate | undefined;
  /** The version byte of SOCKS 6. Default 6. */
  readonly socks6Version?: number;
  /**
   * Whether servers are connected to over Multipath TCP for those clients of SOCKS 6 alone that ask for it, as the draft has it
   * (§8.1), or for those too that say nothing. Default 'asked'.
   */
  readonly socks6Multipath?: 'asked' | 'always';
  /** Told what happens. */
  readonly log?: (event: ProxyEvent, fields: Record<string, unknown>) => void;
}

/** Port that proxies listen on unless told otherwise (RFC 1928 §3). */
export const DEFAULT_PROXY_PORT = 1080;

const defaultListen: readonly ProxyListenOptions[] = [{ host: '127.0.0.1', port: DEFAULT_PROXY_PORT }];
const allProtocols = ['socks5', 'socks6', 'http'] as const;
const defaultTimes: ProxyTimes = { requestMs: 10_000, connectMs: 20_000 };

/** See the module. */
export class ProxyServer {
  readonly relays: RelaySet;
  private readonly listeners: RelayListener[] = [];
  private readonly sessions = new Socks6Sessions(new CryptoRandom());
  private readonly context: ProxyContext;
  private readonly settings: DialogueSettings;
  private rules: AccessRules;
  private upstream: Upstream;
  private authenticate: Authenticate | undefined;

  private constructor(options: ProxyOptions) {
    this.relays = new RelaySet(options.limits);
    this.rules = options.rules ?? closedRules;
    this.upstream = options.upstream ?? new DirectUpstream();
    this.authenticate = options.authenticate;
    const { requestMs = defaultTimes.requestMs, connectMs = defaultTimes.connectMs } = options;
    this.context = {
      ...{ relays: this.relays, sessions: new Set<Abortable>(), times: { requestMs, connectMs } },
      rules: () => this.rules,
      upstream: () => this.upstream,
      authenticate: () => this.authenticate,
      nowMs: () => performance.now(),
      log: options.log ?? (() => undefined),
    };
    const version = options.socks6Version === undefined ? {} : { socks6Version: options.socks6Version };
    this.settings = {
      ...{ ...version, sessions: this.sessions, nowMs: () => performance.now() },
      socks6Multipath: options.socks6Multipath ?? 'asked',
      needsUser: () => this.authenticate !== undefined,
    };
  }

  /** Throws what {@link start} rejects with for protocols that cannot be told apart, or a listener without any. */
  static check({ listen = defaultListen, socks6Version = SOCKS6_VERSION }: ProxyOptions): void {
    for (const { protocols = allProtocols } of listen) checkProtocols(protocols, socks6Version);
  }

  /** Starts one. Rejects as `net` does where it cannot listen everywhere it is to, and listens nowhere then. */
  static async start(options: ProxyOptions = {}): Promise<ProxyServer> {
    ProxyServer.check(options);
    const server = new ProxyServer(options);
    try {
      for (const place of options.listen ?? defaultListen) server.listen(place);
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  private listen({ protocols = allProtocols, ...place }: ProxyListenOptions): void {
    const listener = listenForRelay(place);
    this.listeners.push(listener);
    listener.serve({
      onArrival: (arrival) => this.accept(arrival, () => dialogueFor(protocols, this.settings)),
      onShortage: (reason, address) => this.context.log('exhausted', shortageFields(reason, address)),
    });
  }

  /** Where it listens, in the order of the options. */
  get addresses(): readonly AddressInfo[] {
    return this.listeners.map(({ address }) => address);
  }

  /** Whether clients are served over Multipath TCP, and whether requests are taken from SYNs; of all listeners. */
  get isMultipath(): boolean {
    return this.listeners.every(({ isMultipath }) => isMultipath);
  }

  get hasFastOpen(): boolean {
    return this.listeners.every(({ hasFastOpen }) => hasFastOpen);
  }

  /** Rules, upstream and users that hold for whatever is asked for from now on. */
  change(options: Partial<Pick<ProxyOptions, 'rules' | 'upstream' | 'authenticate'>>): void {
    if (options.rules !== undefined) this.rules = options.rules;
    if (options.upstream !== undefined) this.upstream = options.upstream;
    if (!('authenticate' in options)) return;
    this.authenticate = options.authenticate;
    // Sessions of SOCKS 6 were given to the users that there were.
    this.sessions.endAll();
  }

  /**
   * Serves a client, as long as it may use the proxy and there is a place for it. `dialogueOf` says what it speaks; it is asked for those
   * only that are admitted.
   */
  private accept({ client, address }: Arrival, dialogueOf: () => Dialogue): void {
    const place = mayUse(this.rules, address) ? this.relays.admit(address.toString()) : 'client';
    if (typeof place === 'string') {
      this.context.log('refused', { client: address.toString(), reason: place });
      // Whoever gets no place is not spoken to: it costs nothing, and says nothing about what is here.
      client.reset();
      return;
    }
    new ProxySession(this.context, client, address, place, dialogueOf()).begin();
  }

  /** Takes no more clients, and settles when all are gone: at once those without a server, the others within `patienceMs`. */
  async close(patienceMs = 0): Promise<void> {
    for (const listener of this.listeners) listener.close();
    const drained = this.relays.close(patienceMs);
    for (const session of [...this.context.sessions]) session.abort('stopping');
    await drained;
  }
}

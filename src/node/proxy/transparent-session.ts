/**
 * One client of a transparent listener, which asks for nothing: where it was meant to go is known when it comes. Read first:
 * relay/client-session.ts, whose phase `asking` it leaves at once.
 */
import { formatEndpoint, type Endpoint, type IpAddress } from '../../wire/index.js';
import { codeOf, messageOf, netError } from '../net-error.js';
import {
  type AccessRules,
  ClientSession,
  type Place,
  type RelaySocket,
  type SessionWorld,
} from '../relay/index.js';
import { failureOf } from './failure.js';
import type { Upstream } from './upstream.js';

const nothing = new Uint8Array(0);

/** What the sessions of a listener share. */
export interface TransparentContext extends SessionWorld {
  /** Time for the server to be there, in ms. */
  readonly connectMs: number;
  /** As they are at present. */
  rules(): AccessRules;
  upstream(): Upstream;
}

/** See the module. */
export class TransparentSession extends ClientSession {
  private readonly context: TransparentContext;
  private readonly server: Endpoint;
  /** Gives up the way to the server. */
  private readonly controller = new AbortController();

  constructor(
    context: TransparentContext,
    client: RelaySocket,
    address: IpAddress,
    place: Place,
    server: Endpoint,
  ) {
    super(context, client, address, place);
    this.context = context;
    this.server = server;
    this.record['server'] = formatEndpoint(server);
  }

  /** Goes for the server. What the client says waits in the kernel until it is there. */
  begin(): void {
    const { context, controller, server } = this;
    this.phase = 'opening';
    this.startTimer(context.connectMs, () => controller.abort(netError('ETIMEDOUT', 'connect')));
    const client = { address: this.address, port: this.client.remotePort };
    const wanted = { host: server.address, port: server.port, early: nothing, client };
    context
      .upstream()
      .open({ ...wanted, rules: context.rules(), signal: controller.signal })
      .then(
        ({ end, received, way }) => {
          this.record['way'] = way;
          if (this.phase === 'opening') this.relayTo(end, nothing, nothing, received);
          else end.reset();
        },
        (error: unknown) => {
          this.record['error'] = failureOf(error);
          this.abort(codeOf(error) ?? messageOf(error));
        },
      );
  }

  onBytes(): boolean {
    return false;
  }

  protected override giveUp(): void {
    this.controller.abort(netError('ECANCELED', 'connect'));
  }
}

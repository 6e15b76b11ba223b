/** What the sessions of a proxy share. */
import type { AccessRules, SessionWorld } from '../relay/index.js';
import type { ProxyEvent } from './proxy-events.js';
import type { Upstream } from './upstream.js';

/** Times that steps may take, in ms. */
export interface ProxyTimes {
  /** For a client's whole request, its authentication included. */
  readonly requestMs: number;
  /** For the connection to the server, looking it up included. */
  readonly connectMs: number;
}

/** Says whether user and password are right; never rejects. `client` is what failures are counted by. */
export type Authenticate = (client: string, user: Uint8Array, password: Uint8Array) => Promise<boolean>;

/** See the module. */
export interface ProxyContext extends SessionWorld {
  log(event: ProxyEvent, fields: Record<string, unknown>): void;
  readonly times: ProxyTimes;
  /** As they are at present. */
  rules(): AccessRules;
  upstream(): Upstream;
  /** Undefined where nobody is asked who they are. */
  authenticate(): Authenticate | undefined;
}

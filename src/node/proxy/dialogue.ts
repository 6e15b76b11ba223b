/**
 * What a proxy's protocol makes of what a client sends, and what it answers: a state machine of bytes, one for each client.
 * It opens nothing; {@link ProxySession} does what a step says. Several messages may be in what is read, or parts of one.
 */
import type { SocksHost } from '../../socks/index.js';
import { joined } from '../tunnel/handshake.js';
import type { ProxyFailure } from './failure.js';
import type { OpenedConnection } from './upstream.js';

/** Protocols between a client and this proxy. */
export type ProxyProtocol = 'socks5' | 'socks6' | 'http' | 'transparent';

/** A connection that the client wants. */
export interface Wanted {
  readonly host: SocksHost;
  readonly port: number;
  /** What it sent for the server already; the dialogue's own copy. */
  readonly early: Uint8Array;
  /** Whether it asks for Multipath TCP to the server, or for none; undefined: no matter. */
  readonly isMultipath?: boolean | undefined;
  /** Most bytes of what is early that may go with the SYN. Default 0. */
  readonly synBytes?: number | undefined;
}

/** What to do next; `send` are bytes for the client that go first. */
export type DialogueStep = { readonly send?: Uint8Array } & (
  | { readonly act: 'wait' }
  /** {@link Dialogue.authenticated} is to be called. */
  | { readonly act: 'authenticate'; readonly user: Uint8Array; readonly password: Uint8Array }
  /** {@link Dialogue.opened} or {@link Dialogue.failed} is to be called. */
  | ({ readonly act: 'open' } & Wanted)
  /** Datagrams are to be relayed; {@link Dialogue.associated} or {@link Dialogue.failed} is to be called. */
  | { readonly act: 'associate'; readonly host: SocksHost; readonly port: number }
  /** All is said; `error`: what was wrong, in kebab-case, where something was. */
  | { readonly act: 'end'; readonly error?: string }
  /** There is nobody to say anything to. */
  | { readonly act: 'reset'; readonly error: string }
);

/** See the module. */
export interface Dialogue {
  /** Undefined as long as that is open. */
  readonly protocol: ProxyProtocol | undefined;
  /** Called once, first. */
  begin(): DialogueStep;
  /** Takes what came, a view that may change after the call. Not called while a step waits for its result. */
  read(bytes: Uint8Array): DialogueStep;
  authenticated(isWelcome: boolean): DialogueStep;
  /** The answer for a connection that is there; `isClientMultipath`: whether the client's own is Multipath TCP. */
  opened(connection: OpenedConnection, isClientMultipath: boolean): Uint8Array;
  /** The answer for one that is not. */
  failed(failure: ProxyFailure): Uint8Array;
  /** The answer for datagrams that go to `port` at this proxy. */
  associated(host: SocksHost, port: number): Uint8Array;
}

/** Puts `send` in front of what a step sends. */
export function after(send: Uint8Array, step: DialogueStep): DialogueStep {
  return { ...step, send: step.send === undefined ? send : joined([send, step.send]) };
}

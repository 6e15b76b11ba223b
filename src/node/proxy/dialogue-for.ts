/** The dialogue for a client, by the first byte that it sends where several protocols may be spoken. */
import { SubflowError } from '../../base/index.js';
import { SOCKS6_VERSION } from '../../socks/index.js';
import type { Dialogue, DialogueStep, ProxyProtocol } from './dialogue.js';
import type { ProxyFailure } from './failure.js';
import { HttpDialogue } from './http-dialogue.js';
import { Socks5Dialogue } from './socks5-dialogue.js';
import { Socks6Dialogue } from './socks6-dialogue.js';
import type { Socks6Sessions } from './socks6-sessions.js';
import type { OpenedConnection } from './upstream.js';
import type { SocksHost } from '../../socks/index.js';

/** Protocols that a client may be asked for by its first byte. */
export type ListenProtocol = Exclude<ProxyProtocol, 'transparent'>;

/** What dialogues need to know of the proxy. */
export interface DialogueSettings {
  readonly socks6Version?: number;
  /** See `ProxyOptions`. */
  readonly socks6Multipath: 'asked' | 'always';
  readonly sessions: Socks6Sessions;
  /** Whether clients have to say who they are, at present. */
  needsUser(): boolean;
  nowMs(): number;
}

/** The dialogue for a client that may speak any of `protocols`, at least one. */
export function dialogueFor(protocols: readonly ListenProtocol[], settings: DialogueSettings): Dialogue {
  return protocols.length === 1 ? dialogueOf(protocols[0]!, settings) : new AnyDialogue(protocols, settings);
}

/**
 * Throws `ERR_SUBFLOW_BAD_LISTENER` where there is no protocol, and `ERR_SUBFLOW_BAD_VERSION` for a version byte of SOCKS 6 that cannot
 * be told from what else is spoken.
 */
export function checkProtocols(protocols: readonly ListenProtocol[], version: number): void {
  if (protocols.length === 0)
    throw new SubflowError('ERR_SUBFLOW_BAD_LISTENER', 'a listener needs a protocol', {
      hint: 'Name some of socks5, socks6 and http, or leave them out for all.',
    });
  if (!protocols.includes('socks6')) return;
  const isByte = Number.isInteger(version) && version > 5 && version <= 255;
  const isHttp = protocols.includes('http') && isMethodByte(version);
  if (isByte && !isHttp) return;
  throw new SubflowError('ERR_SUBFLOW_BAD_VERSION', `${version} cannot be the version byte of SOCKS 6 here`, {
    hint: isHttp ? 'Requests of HTTP begin with it: give SOCKS 6 a port of its own.' : 'Use 6 to 255.',
  });
}

function dialogueOf(protocol: ListenProtocol, settings: DialogueSettings): Dialogue {
  const { sessions, socks6Version } = settings;
  const needsUser = settings.needsUser();
  switch (protocol) {
    case 'socks5':
      return new Socks5Dialogue(needsUser);
    case 'http':
      return new HttpDialogue(needsUser);
    case 'socks6': {
      const version = socks6Version === undefined ? {} : { version: socks6Version };
      const isMultipathAlways = settings.socks6Multipath === 'always';
      const world = { sessions, needsUser, isMultipathAlways, nowMs: () => settings.nowMs() };
      return new Socks6Dialogue({ ...world, ...version });
    }
  }
}

/** A method of HTTP begins with a letter, and those that there are with a capital one. */
function isMethodByte(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

/** Becomes the dialogue of whatever protocol the client's first byte is of. */
class AnyDialogue implements Dialogue {
  private readonly protocols: readonly ListenProtocol[];
  private readonly settings: DialogueSettings;
  private chosen: Dialogue | undefined = undefined;

  constructor(protocols: readonly ListenProtocol[], settings: DialogueSettings) {
    this.protocols = protocols;
    this.settings = settings;
  }

  get protocol(): ProxyProtocol | undefined {
    return this.chosen?.protocol;
  }

  begin(): DialogueStep {
    return { act: 'wait' };
  }

  read(bytes: Uint8Array): DialogueStep {
    if (this.chosen !== undefined) return this.chosen.read(bytes);
    const protocol = this.protocolOf(bytes[0]!);
    if (protocol === undefined) return { act: 'reset', error: 'unknown-protocol' };
    this.chosen = dialogueOf(protocol, this.settings);
    return this.chosen.read(bytes);
  }

  private protocolOf(byte: number): ListenProtocol | undefined {
    const { socks6Version = SOCKS6_VERSION } = this.settings;
    const protocol = byte === 5 ? 'socks5' : byte === socks6Version ? 'socks6' : 'http';
    if (protocol === 'http' && !isMethodByte(byte)) return undefined;
    return this.protocols.includes(protocol) ? protocol : undefined;
  }

  authenticated(isWelcome: boolean): DialogueStep {
    return this.chosen!.authenticated(isWelcome);
  }

  opened(connection: OpenedConnection, isClientMultipath: boolean): Uint8Array {
    return this.chosen!.opened(connection, isClientMultipath);
  }

  failed(failure: ProxyFailure): Uint8Array {
    return this.chosen!.failed(failure);
  }

  associated(host: SocksHost, port: number): Uint8Array {
    return this.chosen!.associated(host, port);
  }
}

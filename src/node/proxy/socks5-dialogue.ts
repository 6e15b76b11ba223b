/** SOCKS 5, the proxy's side. Read first: RFC 1928 §3 to §6, RFC 1929 §2. */
import type { MessageRead } from '../../base/index.js';
import {
  emitMethodChoice,
  emitPasswordReply,
  emitReply,
  scanGreeting,
  scanPassword,
  scanRequest,
  SocksCommand,
  type SocksHost,
  SocksMethod,
  SocksReplyCode,
  type Socks5Request,
  socks5Reader,
} from '../../socks/index.js';
import { IpAddress } from '../../wire/index.js';
import { after, type Dialogue, type DialogueStep } from './dialogue.js';
import type { ProxyFailure } from './failure.js';
import type { OpenedConnection } from './upstream.js';

/** Reply codes of SOCKS 5 and 6 by failure. SOCKS 5 has none for silence: the nearest is that a packet's time was up. */
export const socksCodes: Readonly<Record<ProxyFailure, number>> = {
  'not-allowed': SocksReplyCode.NOT_ALLOWED,
  'name-not-found': SocksReplyCode.HOST_UNREACHABLE,
  'network-unreachable': SocksReplyCode.NETWORK_UNREACHABLE,
  'host-unreachable': SocksReplyCode.HOST_UNREACHABLE,
  refused: SocksReplyCode.CONNECTION_REFUSED,
  'timed-out': SocksReplyCode.TTL_EXPIRED,
  'no-resources': SocksReplyCode.GENERAL_FAILURE,
  unsupported: SocksReplyCode.COMMAND_NOT_SUPPORTED,
  'upstream-failed': SocksReplyCode.GENERAL_FAILURE,
  failed: SocksReplyCode.GENERAL_FAILURE,
};

const nowhere = { host: IpAddress.unspecified(4), port: 0 };

/** See the module. */
export class Socks5Dialogue implements Dialogue {
  readonly protocol = 'socks5';
  private readonly needsUser: boolean;
  private phase: 'greeting' | 'password' | 'request' = 'greeting';
  private readonly greetingReader = socks5Reader(scanGreeting);
  private readonly passwordReader = socks5Reader(scanPassword);
  private readonly requestReader = socks5Reader(scanRequest);
  /** What came behind a password that is being looked at. */
  private waiting = new Uint8Array(0);

  constructor(needsUser: boolean) {
    this.needsUser = needsUser;
  }

  begin(): DialogueStep {
    return { act: 'wait' };
  }

  read(bytes: Uint8Array): DialogueStep {
    switch (this.phase) {
      case 'greeting':
        return on(this.greetingReader.read(bytes), ({ methods }, rest) => this.choose(methods, rest));
      case 'password':
        return on(this.passwordReader.read(bytes), ({ user, password }, rest) => {
          this.waiting = rest.slice();
          return { act: 'authenticate', user, password };
        });
      case 'request': {
        const read = this.requestReader.read(bytes);
        if (read.state !== 'invalid') return on(read, (request, rest) => this.take(request, rest));
        const isType = read.error.code === 'bad-address-type';
        const code = isType ? SocksReplyCode.ADDRESS_TYPE_NOT_SUPPORTED : SocksReplyCode.GENERAL_FAILURE;
        return { act: 'end', error: read.error.code, send: emitReply({ code, ...nowhere }) };
      }
    }
  }

  private choose(methods: readonly number[], rest: Uint8Array): DialogueStep {
    const method = this.needsUser ? SocksMethod.PASSWORD : SocksMethod.NONE;
    if (!methods.includes(method))
      return {
        ...{ act: 'end', error: 'no-acceptable-method' },
        send: emitMethodChoice(SocksMethod.NO_ACCEPTABLE),
      };
    this.phase = this.needsUser ? 'password' : 'request';
    return this.goOn(emitMethodChoice(method), rest);
  }

  authenticated(isWelcome: boolean): DialogueStep {
    // RFC 1929 §2: a failure closes the connection.
    if (!isWelcome) return { act: 'end', error: 'not-authenticated', send: emitPasswordReply(false) };
    this.phase = 'request';
    const { waiting } = this;
    this.waiting = new Uint8Array(0);
    return this.goOn(emitPasswordReply(true), waiting);
  }

  private goOn(send: Uint8Array, rest: Uint8Array): DialogueStep {
    return rest.length === 0 ? { act: 'wait', send } : after(send, this.read(rest));
  }

  private take({ command, host, port }: Socks5Request, rest: Uint8Array): DialogueStep {
    if (command === SocksCommand.UDP_ASSOCIATE) return { act: 'associate', host, port };
    if (command === SocksCommand.CONNECT && port !== 0)
      return { act: 'open', host, port, early: rest.slice() };
    const isConnect = command === SocksCommand.CONNECT;
    return {
      ...{ act: 'end', error: isConnect ? 'bad-port' : 'bad-command' },
      send: isConnect ? this.failed('failed') : this.failed('unsupported'),
    };
  }

  opened({ bound }: OpenedConnection): Uint8Array {
    const { address, port } = bound ?? { address: nowhere.host, port: 0 };
    return emitReply({ code: SocksReplyCode.SUCCEEDED, host: address, port });
  }

  failed(failure: ProxyFailure): Uint8Array {
    return emitReply({ code: socksCodes[failure], ...nowhere });
  }

  associated(host: SocksHost, port: number): Uint8Array {
    return emitReply({ code: SocksReplyCode.SUCCEEDED, host, port });
  }
}

/** What is no message gets no answer: the client speaks something else. */
function on<T>(read: MessageRead<T>, take: (value: T, rest: Uint8Array) => DialogueStep): DialogueStep {
  if (read.state === 'more') return { act: 'wait' };
  if (read.state === 'invalid') return { act: 'reset', error: read.error.code };
  return take(read.value, read.rest);
}

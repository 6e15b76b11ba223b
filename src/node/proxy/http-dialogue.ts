/** HTTP CONNECT, the proxy's side. Read first: RFC 9110 §9.3.6, §11.7 and §15.5.8; RFC 9209 §2.3 for the words of errors. */
import {
  connectRequestReader,
  type ConnectRequest,
  emitConnectAnswer,
  statusOfInvalid,
} from '../../http-connect/index.js';
import type { Dialogue, DialogueStep } from './dialogue.js';
import type { ProxyFailure } from './failure.js';

/** Status, and type of RFC 9209, by failure. */
const answers: Readonly<Record<ProxyFailure, readonly [status: number, proxyError: string]>> = {
  'not-allowed': [403, 'destination_ip_prohibited'],
  'name-not-found': [502, 'dns_error'],
  'network-unreachable': [502, 'destination_ip_unroutable'],
  'host-unreachable': [502, 'destination_ip_unroutable'],
  refused: [502, 'connection_refused'],
  'timed-out': [504, 'connection_timeout'],
  'no-resources': [503, 'connection_limit_reached'],
  unsupported: [501, 'proxy_configuration_error'],
  'upstream-failed': [502, 'proxy_internal_error'],
  failed: [502, 'proxy_internal_error'],
};

/** See the module. */
export class HttpDialogue implements Dialogue {
  readonly protocol = 'http';
  private readonly needsUser: boolean;
  private readonly reader = connectRequestReader();
  /** What waits for the word on a user. */
  private waiting: { readonly request: ConnectRequest; readonly early: Uint8Array } | undefined = undefined;

  constructor(needsUser: boolean) {
    this.needsUser = needsUser;
  }

  begin(): DialogueStep {
    return { act: 'wait' };
  }

  read(bytes: Uint8Array): DialogueStep {
    const read = this.reader.read(bytes);
    if (read.state === 'more') return { act: 'wait' };
    if (read.state === 'invalid') {
      const { code } = read.error;
      return { act: 'end', error: code, send: emitConnectAnswer({ status: statusOfInvalid(code) }) };
    }
    const request = read.value;
    const early = read.rest.slice();
    if (!this.needsUser) return { act: 'open', host: request.host, port: request.port, early };
    if (request.credentials === undefined) return this.authenticated(false);
    this.waiting = { request, early };
    return { act: 'authenticate', ...request.credentials };
  }

  authenticated(isWelcome: boolean): DialogueStep {
    const { waiting } = this;
    this.waiting = undefined;
    if (!isWelcome || waiting === undefined)
      return { act: 'end', error: 'not-authenticated', send: emitConnectAnswer({ status: 407 }) };
    const { host, port } = waiting.request;
    return { act: 'open', host, port, early: waiting.early };
  }

  opened(): Uint8Array {
    return emitConnectAnswer({ status: 200 });
  }

  failed(failure: ProxyFailure): Uint8Array {
    const [status, proxyError] = answers[failure];
    return emitConnectAnswer({ status, proxyError });
  }

  associated(): Uint8Array {
    // Nothing of HTTP asks for it.
    return this.failed('unsupported');
  }
}

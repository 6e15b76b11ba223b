/** The client's side of the 0-RTT Convert Protocol as a {@link Handshake}, and what this process knows of converters and servers. */
import { performance } from 'node:perf_hooks';
import { MILLISECOND } from '../../base/index.js';
import {
  type ConvertChoice,
  ConverterMemory,
  convertReader,
  readAnswer,
  requestMessage,
} from '../../convert/index.js';
import { type Endpoint, formatEndpoint } from '../../wire/index.js';
import type { Handshake, HandshakeFailed, HandshakeStep, Opening } from '../tunnel/handshake.js';
import { joined } from '../tunnel/handshake.js';
import { errorOf, invalidAnswer } from './convert-error.js';

/** What this process knows of converters and servers. */
const memory = new ConverterMemory();
const now = (): number => performance.now() * MILLISECOND;

/** Which way to go to `server`, where `converter` (its name or address, and port) may help. */
export function chooseWay(converter: string, server: Endpoint): ConvertChoice {
  return memory.choose(now(), converter, formatEndpoint(server));
}

/** A direct connection to a server that was to speak Multipath TCP, and does not. */
export function forgetServer(server: Endpoint): void {
  memory.forgetServer(formatEndpoint(server));
}

/** See the module. */
export class ConvertHandshake implements Handshake {
  private readonly converter: string;
  private readonly server: Endpoint;
  private readonly cookie: Uint8Array | undefined;
  private readonly reader = convertReader();

  constructor(converter: string, server: Endpoint, cookie: Uint8Array | undefined) {
    this.converter = converter;
    this.server = server;
    this.cookie = cookie;
  }

  begin(early: Uint8Array): Opening {
    const request = requestMessage({ remote: this.server, cookie: this.cookie });
    return { bytes: joined([request, early]), earlyBytes: early.length };
  }

  read(bytes: Uint8Array): HandshakeStep {
    const read = this.reader.read(bytes);
    if (read.state === 'more') return read;
    const answer = readAnswer(read);
    const { converter, cookie } = this;
    const attempt = { converter, server: formatEndpoint(this.server), cookie };
    const mayRetry = memory.note(now(), attempt, answer);
    if (answer.kind === 'connected') {
      const rest = read.state === 'message' ? read.rest : new Uint8Array(0);
      return { state: 'done', rest, facts: { isServerMultipath: answer.isServerMultipath } };
    }
    const error =
      answer.kind === 'invalid'
        ? invalidAnswer(answer.reason)
        : errorOf(answer.error, this.server.address.toString(), this.server.port);
    return { state: 'failed', error, mayRetry };
  }

  endOfStream(): HandshakeFailed {
    const attempt = { converter: this.converter, server: formatEndpoint(this.server), cookie: this.cookie };
    memory.note(now(), attempt, { kind: 'invalid', reason: 'end' });
    return { state: 'failed', error: invalidAnswer('end') };
  }
}

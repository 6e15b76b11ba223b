/**
 * What the page of the lab may ask its server: the state of this machine as a stream, a line of JSON a look, and where that is allowed,
 * changes of endpoints and limits. Everything takes the token, and all that is open has a limit. Who asks from where is looked at before (lab-server.ts).
 *
 * Read first: RFC 9110 §9 (methods), RFC 6750 §2.1 (the token's field).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { MAX_COMMAND_BYTES, type MachineAnswer } from '../../../lab/index.js';
import { carryOut, readCommand } from './control.js';
import { MachineWatch, type MachineWatchOptions } from './machine-watch.js';
import { StateReader } from './state-reader.js';
import { holdsToken } from './token.js';

/** Streams at a time: pages that look. */
export const MAX_STREAMS = 8;
/** Commands that are read at a time; each is short. */
const MAX_COMMANDS = 4;

export interface LiveOptions extends MachineWatchOptions {
  /** Told of each change that was made, or refused by the kernel. */
  readonly onControl?: (answer: MachineAnswer) => void;
}

/** The methods of each path. */
const methods: Readonly<Record<string, 'GET' | 'POST'>> = { '/api/state': 'GET', '/api/control': 'POST' };

/** See the module. */
export class LiveApi {
  private readonly token: string;
  private readonly options: LiveOptions;
  private readonly watch: MachineWatch;
  private streams = 0;
  private commands = 0;

  constructor(token: string, options: LiveOptions) {
    this.token = token;
    this.options = options;
    this.watch = new MachineWatch(options);
  }

  /** Whether the kernel is looked at. */
  get isLooking(): boolean {
    return this.watch.isLooking;
  }

  close(): void {
    this.watch.close();
  }

  /** Answers a request whose host and origin are right. */
  answer(path: string, request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('cache-control', 'no-store');
    const method = methods[path];
    if (method === undefined) return refuse(response, 404);
    if (request.method !== method) {
      response.setHeader('allow', method);
      return refuse(response, 405);
    }
    if (!holdsToken(request.headers.authorization, this.token)) {
      response.setHeader('www-authenticate', 'Bearer');
      return refuse(response, 401);
    }
    if (method === 'GET') this.stream(response);
    else this.control(request, response);
  }

  private stream(response: ServerResponse): void {
    if (this.streams >= MAX_STREAMS) return refuse(response, 503);
    this.streams++;
    response.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' });
    const reader = new StateReader(response, this.watch.events);
    const leave = this.watch.subscribe((picture) => reader.take(picture));
    response.once('close', () => {
      this.streams--;
      leave();
    });
  }

  private control(request: IncomingMessage, response: ServerResponse): void {
    const type = request.headers['content-type'] ?? '';
    // A form of another page could send other types, and leaves out the origin in no browser.
    if (request.headers.origin === undefined) return refuse(response, 403);
    if (this.options.allowsControl !== true) return refuse(response, 403);
    if (!/^application\/json(; ?charset=utf-8)?$/i.test(type)) return refuse(response, 415);
    if (this.commands >= MAX_COMMANDS) return refuse(response, 503);
    this.commands++;
    response.once('close', () => this.commands--);
    void readBody(request).then((text) => {
      if (response.destroyed) return;
      if (text === undefined) return refuse(response, 413);
      const command = readCommand(text);
      if (command === undefined) return refuse(response, 400);
      const answer = carryOut(command, this.options.namespace);
      this.options.onControl?.(answer);
      say(response, answer);
      this.watch.look();
    });
  }
}

/** The text of a request; undefined when it is too long, or breaks off: the server's time for requests bounds how long it takes. */
function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= MAX_COMMAND_BYTES) chunks.push(chunk);
      else resolve(undefined);
    });
    request.on('end', () => resolve(Buffer.concat(chunks).toString()));
    request.on('close', () => resolve(undefined));
  });
}

function say(response: ServerResponse, answer: MachineAnswer): void {
  const text = JSON.stringify(answer);
  response.writeHead(answer.isDone ? 200 : 409, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** Refuses; what else the request carries is not waited for. */
function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0, connection: 'close' }).end();
}

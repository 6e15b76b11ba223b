/**
 * A client that fetches things of a server, as a browser or a player does: over one or more connections that last, one
 * request at a time on each. What is fetched when is a plan's to say; this knows connections, requests and answers. A
 * request says how many bytes its answer has: neither side has anything to look up.
 */

import { assert, NEVER } from '../../base/index.js';
import type { Application } from '../../network/index.js';
import type { Socket, StackEvent } from '../../stack/index.js';

/** Bytes of a request, as of a browser's with its headers. */
export const REQUEST_BYTES = 400;

/** What is fetched, and when. Instants are in ns. */
export interface FetchPlan {
  /** Most connections at a time. */
  readonly maxConnections: number;
  /** Number and size of what is to be fetched next, if there is something by `now`: it counts as asked for then. */
  next(now: number): Fetch | undefined;
  /** All of `fetch` has come. */
  done(now: number, fetch: Fetch): void;
  /** When there will be something to fetch though nothing has come meanwhile; NEVER when there will not. */
  readonly wakeAt: number;
}

/** Something that is fetched. */
export interface Fetch {
  /** The plan's own number for it. */
  readonly id: number;
  /** At least 1. */
  readonly bytes: number;
}

/** A connection, and what it is waiting for. */
interface Lane {
  readonly socket: Socket;
  isOpen: boolean;
  fetch: Fetch | undefined;
  /** Bytes of it that have come. */
  received: number;
}

/** The request for an answer of `bytes`. */
function requestFor(bytes: number): Uint8Array {
  const request = new Uint8Array(REQUEST_BYTES);
  new DataView(request.buffer).setUint32(0, bytes);
  return request;
}

export class FetchClient implements Application {
  private readonly plan: FetchPlan;
  private readonly connect: (now: number) => Socket;
  private readonly lanes: Lane[] = [];
  /** What waits for a connection that is not open yet. */
  private readonly waiting: Fetch[] = [];

  /** `connect` opens a connection to the server. */
  constructor(plan: FetchPlan, connect: (now: number) => Socket) {
    this.plan = plan;
    this.connect = connect;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') return;
    const lane = this.lanes.find(({ socket }) => socket === event.socket);
    if (lane === undefined) return;
    if (event.type === 'established') lane.isOpen = true;
    this.read(now, lane);
    this.ask(now);
  }

  pollTimeout(): number {
    return this.plan.wakeAt;
  }

  handleTimeout(now: number): void {
    this.ask(now);
  }

  /** The connections, in the order in which they were opened. */
  get sockets(): readonly Socket[] {
    return this.lanes.map(({ socket }) => socket);
  }

  /** Asks for all that the plan has and connections are free for; opens more where they are too few. */
  private ask(now: number): void {
    this.gather(now);
    for (;;) {
      const lane = this.lanes.find((one) => one.isOpen && one.fetch === undefined);
      const fetch = lane === undefined ? undefined : this.waiting.shift();
      if (lane === undefined || fetch === undefined) return;
      lane.fetch = fetch;
      lane.received = 0;
      lane.socket.write(now, requestFor(fetch.bytes));
    }
  }

  /** Takes of the plan what its connections can ask for. */
  private gather(now: number): void {
    let busy = this.lanes.filter(({ fetch }) => fetch !== undefined).length + this.waiting.length;
    for (; busy < this.plan.maxConnections; busy++) {
      const fetch = this.plan.next(now);
      if (fetch === undefined) return;
      this.waiting.push(fetch);
      if (busy >= this.lanes.length) this.open(now);
    }
  }

  private open(now: number): void {
    const socket = this.connect(now);
    this.lanes.push({ socket, isOpen: false, fetch: undefined, received: 0 });
  }

  private read(now: number, lane: Lane): void {
    const { socket, fetch } = lane;
    for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now))
      lane.received += bytes.length;
    if (fetch === undefined || lane.received < fetch.bytes) return;
    assert(lane.received === fetch.bytes, `an answer of ${lane.received} bytes for ${fetch.bytes}`);
    lane.fetch = undefined;
    this.plan.done(now, fetch);
  }
}

/** An answer that is being written. */
interface Answer {
  /** What of requests has come, from the first that is not whole. */
  pending: number[];
  /** Bytes still to be written. */
  owed: number;
}

/** What is written, again and again. */
const chunk = new Uint8Array(64 * 1024);

/** The server: answers each request with as many bytes as it asks for. */
export class FetchServer implements Application {
  private readonly answers = new Map<Socket, Answer>();

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') {
      for (let socket = event.listener.accept(); socket !== undefined; socket = event.listener.accept()) {
        this.answers.set(socket, { pending: [], owed: 0 });
        this.serve(now, socket);
      }
      return;
    }
    this.serve(now, event.socket);
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Nothing is timed.
  }

  private serve(now: number, socket: Socket): void {
    const answer = this.answers.get(socket);
    if (answer === undefined || socket.state !== 'open') return;
    for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now))
      answer.pending.push(...bytes);
    while (answer.pending.length >= REQUEST_BYTES) {
      const request = Uint8Array.from(answer.pending.splice(0, REQUEST_BYTES));
      answer.owed += new DataView(request.buffer).getUint32(0);
    }
    let hasRoom = true;
    while (hasRoom && answer.owed > 0) {
      const length = Math.min(chunk.length, answer.owed);
      answer.owed -= length;
      hasRoom = socket.write(now, length === chunk.length ? chunk : chunk.subarray(0, length));
    }
  }
}

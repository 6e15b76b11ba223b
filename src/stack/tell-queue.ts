/**
 * Who has something to tell the host's owner, and in which order. What it is stands in the socket or the listener; here
 * each of them stands at most once, so the queue cannot outgrow them. See events.ts.
 */
import { Deque } from '../base/index.js';
import type { StackCounters } from './counters.js';
import { MAX_NOTICES, PendingEvent, type PathNotice, type StackEvent } from './events.js';
import type { Listener } from './listener.js';
import type { Socket } from './socket.js';

export class TellQueue {
  private readonly counters: StackCounters;
  private readonly tellers = new Deque<Socket | Listener>();

  constructor(counters: StackCounters) {
    this.counters = counters;
  }

  /** `event`: a bit of {@link PendingEvent}. */
  tell(socket: Socket, event: number): void {
    socket.pendingEvents |= event;
    // To write on what has ended would be misuse: nobody is asked to.
    if (event === PendingEvent.CLOSED) socket.pendingEvents &= ~PendingEvent.WRITABLE;
    if (isHeard(socket)) this.enqueue(socket);
  }

  /** Dropped and counted where {@link MAX_NOTICES} wait. */
  tellPath(socket: Socket, notice: PathNotice): void {
    socket.notices ??= [];
    if (socket.notices.length >= MAX_NOTICES) {
      this.counters.eventsDropped++;
      return;
    }
    socket.notices.push(notice);
    if (isHeard(socket)) this.enqueue(socket);
  }

  /** Tells what `socket` kept to itself. */
  tellPending(socket: Socket): void {
    if (socket.pendingEvents !== 0 || socket.notices !== undefined) this.enqueue(socket);
  }

  /** Has `teller` asked what it has to tell. */
  enqueue(teller: Socket | Listener): void {
    if (teller.isEventQueued) return;
    teller.isEventQueued = true;
    this.tellers.push(teller);
  }

  /** The next event; undefined when there is nothing to tell. */
  pollEvent(): StackEvent | undefined {
    for (;;) {
      const teller = this.tellers.at(0);
      if (teller === undefined) return undefined;
      const event = 'acceptQueue' in teller ? acceptableEvent(teller) : nextEvent(teller);
      if (event !== undefined) return event;
      this.tellers.shift();
      teller.isEventQueued = false;
    }
  }
}

/** Whether `socket` has an owner who listens: not before it is accepted, nor while its establishment is a race. */
function isHeard(socket: Socket): boolean {
  return socket.listener === undefined && socket.race === undefined;
}

function acceptableEvent(listener: Listener): StackEvent | undefined {
  if (!listener.isAcceptablePending) return undefined;
  listener.isAcceptablePending = false;
  return listener.acceptQueue.length === 0 ? undefined : { type: 'acceptable', listener };
}

/** What a socket tells next: paths after establishment, the end last. */
function nextEvent(socket: Socket): StackEvent | undefined {
  if (takePending(socket, PendingEvent.ESTABLISHED)) return { type: 'established', socket };
  const notice = socket.notices?.shift();
  if (notice !== undefined) return { type: 'path', socket, notice };
  socket.notices = undefined;
  if (takePending(socket, PendingEvent.READABLE)) return { type: 'readable', socket };
  if (takePending(socket, PendingEvent.WRITABLE)) return { type: 'writable', socket };
  if (takePending(socket, PendingEvent.PEER_CLOSED)) return { type: 'peer-closed', socket };
  if (takePending(socket, PendingEvent.CLOSED)) return { type: 'closed', socket, error: socket.error };
  return undefined;
}

function takePending(socket: Socket, event: number): boolean {
  if ((socket.pendingEvents & event) === 0) return false;
  socket.pendingEvents &= ~event;
  return true;
}

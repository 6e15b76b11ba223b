import { describe, expect, it } from 'vitest';
import { StackCounters } from './counters.js';
import { PendingEvent, type StackEvent } from './events.js';
import type { Socket } from './socket.js';
import { TellQueue } from './tell-queue.js';

/** As much of a socket as the queue looks at. */
function someSocket(): Socket {
  const socket: Pick<Socket, 'pendingEvents' | 'notices' | 'isEventQueued' | 'listener' | 'race' | 'error'> =
    {
      pendingEvents: 0,
      notices: undefined,
      isEventQueued: false,
      listener: undefined,
      race: undefined,
      error: undefined,
    };
  return socket as Socket;
}

function all(queue: TellQueue): StackEvent['type'][] {
  const types: StackEvent['type'][] = [];
  for (let event = queue.pollEvent(); event !== undefined; event = queue.pollEvent()) types.push(event.type);
  return types;
}

describe('what waits to be told', () => {
  it('comes in its order, whatever came first, and the end last', () => {
    const queue = new TellQueue(new StackCounters());
    const socket = someSocket();
    for (const bit of ['PEER_CLOSED', 'WRITABLE', 'READABLE', 'ESTABLISHED'] as const) {
      queue.tell(socket, PendingEvent[bit]);
    }
    expect(all(queue)).toEqual(['established', 'readable', 'writable', 'peer-closed']);
    queue.tell(socket, PendingEvent.CLOSED);
    expect(all(queue)).toEqual(['closed']);
  });

  it('asks nobody to write on what has ended since', () => {
    const queue = new TellQueue(new StackCounters());
    const socket = someSocket();
    queue.tell(socket, PendingEvent.WRITABLE);
    queue.tell(socket, PendingEvent.READABLE);
    queue.tell(socket, PendingEvent.CLOSED);
    expect(all(queue)).toEqual(['readable', 'closed']);
  });
});

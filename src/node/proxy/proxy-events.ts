/** What a proxy tells of; stable names. */
export const proxyEvents = {
  listening: 'it takes clients',
  connected: 'a client has its server',
  associated: 'datagrams of a client are relayed',
  closed: 'a client is gone, with what became of it',
  refused: 'a client may not use it, or got no place',
  exhausted:
    'no descriptor or memory is left for a client and its server: it was closed as soon as it was there',
} as const;

/** Name of an event. */
export type ProxyEvent = keyof typeof proxyEvents;

/** What a proxy tells of; stable names. */
export const proxyEvents = {
  listening: 'it takes clients',
  connected: 'a client has its server',
  associated: 'datagrams of a client are relayed',
  closed: 'a client is gone, with what became of it',
  refused: 'a client may not use it, or got no place',
  reloaded: 'rules, users and upstreams were read, and hold for whatever is asked for from now on',
  'reload-refused': 'what was read has a mistake; what was before holds on',
  stopping: 'it takes no more clients, and waits for those that it has',
  stopped: 'nothing of it is left',
} as const;

/** Name of an event. */
export type ProxyEvent = keyof typeof proxyEvents;

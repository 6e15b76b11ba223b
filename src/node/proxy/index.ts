/** Proxies: what clients speak with them, how they get to servers, and a server of both. */
export { dialogueFor, type ListenProtocol } from './dialogue-for.js';
export * from './dialogue.js';
export * from './direct-upstream.js';
export * from './failure.js';
export * from './proxy-context.js';
export * from './proxy-events.js';
export * from './proxy-server.js';
export { hashPassword } from './password-hash.js';
export { ProxySession } from './proxy-session.js';
export * from './transparent.js';
export * from './tunnel-upstream.js';
export * from './upstream.js';
export { parseUsers, readUsers, Users } from './users.js';

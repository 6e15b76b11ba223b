/** What every command that goes on has: a log, metrics, a configuration file, a user of its own, and a service manager that it tells. */
export * from './command-log.js';
export * from './config-file.js';
export * from './config-text.js';
export * from './config-watch.js';
export * from './drop-privileges.js';
export * from './log.js';
export * from './log-sink.js';
export * from './make-folder.js';
export * from './metrics.js';
export * from './metrics-server.js';
export * from './notify.js';
export * from './process-metrics.js';
export * from './services.js';
export * from './status-socket.js';

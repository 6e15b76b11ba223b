/** The check `tcp`: a connection to the server's own address comes up. It is reset at once, so that neither end has to remember it. */
import type { HealthCheck, HealthCheckConfig } from '../../../balancer/index.js';
import type { NetworkNamespace } from '../../../linux/index.js';
import { runAttempt } from './attempt.js';
import { connectTo } from './connection.js';

/** Makes it. */
export function tcpCheck(config: HealthCheckConfig, namespace: NetworkNamespace | undefined): HealthCheck {
  return {
    attempt: (server, signal) =>
      runAttempt({ timeoutMs: config.timeoutMs, signal }, (attempt) => {
        const socket = connectTo(server, config.port, namespace);
        // One that is still connecting would be reset only once it is not.
        attempt.onEnd(() => (socket.connecting ? socket.destroy() : socket.resetAndDestroy()));
        socket.on('connect', () => attempt.succeed());
        socket.on('error', (error) => attempt.fail(error.message));
      }),
  };
}

/**
 * Checks of servers, each at its own address: `tcp`, `http`, `mptcp-join`. An attempt never rejects, takes no longer than it may, and leaves
 * neither sockets nor timers behind. What follows from outcomes is decided elsewhere (balancer/control/health.ts).
 */
import { setMaxListeners } from 'node:events';
import { maxServers, type HealthCheck, type HealthCheckConfig } from '../../balancer/index.js';
import type { NetworkNamespace } from '../../linux/index.js';
import { httpCheck } from './health/http-check.js';
import { joinCheck } from './health/join-check.js';
import { tcpCheck } from './health/tcp-check.js';

/** Attempts of one check that run at a time; one more is an outcome at once. As many as there may be servers. */
export const maxAttempts = maxServers;

/** How to check. */
export interface HealthCheckOptions {
  /** Where the servers can be reached; the caller's network namespace when left out. */
  readonly namespace?: NetworkNamespace;
}

/** Makes the check that `config` asks for. */
export function healthCheck(config: HealthCheckConfig, options: HealthCheckOptions = {}): HealthCheck {
  return limited(unlimited(config, options.namespace));
}

function unlimited(config: HealthCheckConfig, namespace: NetworkNamespace | undefined): HealthCheck {
  switch (config.kind) {
    case 'tcp':
      return tcpCheck(config, namespace);
    case 'http':
      return httpCheck(config, namespace);
    case 'mptcp-join':
      return joinCheck(config, namespace);
  }
}

/** A check with a limit of attempts. */
function limited(check: HealthCheck): HealthCheck {
  let running = 0;
  return {
    attempt: async (server, signal) => {
      if (running >= maxAttempts)
        return { healthy: false, why: `${maxAttempts} attempts are under way already` };
      running++;
      // One signal may end them all, and Node takes more than ten listeners for a leak.
      if (signal instanceof EventTarget) setMaxListeners(0, signal);
      try {
        return await check.attempt(server, signal);
      } finally {
        running--;
      }
    },
  };
}

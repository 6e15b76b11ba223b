/**
 * The check `mptcp-join`: a Multipath TCP connection to the server comes up, and a second subflow of it. By this project's own stack
 * on the address that the kernel would use, so that neither the kernel's path manager nor its endpoints have to be set up: the second
 * subflow comes from another port, and goes to an address or port that the server announced where the server takes no further
 * subflows at the first one (flag C).
 *
 * No data is sent: a server may take any byte for a broken request. But no subflow may be opened before the server has acknowledged
 * something at the data level (RFC 8684 §3.1), which a keep-alive probe makes it do (RFC 9293 §3.8.4).
 *
 * Read first: RFC 8684 §3.1, §3.2, §3.4.1.
 */
import type { HealthCheck, HealthCheckConfig, Server } from '../../../balancer/index.js';
import { routeTo, type LocalRoute, type NetworkNamespace } from '../../../linux/index.js';
import { connect } from '../../connect.js';
import { codeOf, messageOf } from '../../net-error.js';
import type { AddressEvent, Socket } from '../../socket.js';
import { UserspaceHost } from '../../userspace-host.js';
import { runAttempt, type Attempt } from './attempt.js';

/** Quiet time before the keep-alive probe, in ms. */
const probeAfterMs = 1;
/** Ports taken from the kernel at a time: two an attempt, and those of attempts that ended a moment ago. */
const maxPorts = 4096;

/** Makes it. */
export function joinCheck(config: HealthCheckConfig, namespace: NetworkNamespace | undefined): HealthCheck {
  const hosts = new Hosts(namespace);
  return {
    attempt: (server, signal) =>
      runAttempt({ timeoutMs: config.timeoutMs, signal }, (attempt) =>
        join(attempt, config.port, server, hosts),
      ),
  };
}

function join(attempt: Attempt, port: number, server: Server, hosts: Hosts): void {
  const route = routeTo(server.address, hosts.namespace);
  const host = hosts.take(route);
  attempt.onEnd(() => hosts.letGo(route));
  const socket = connect({
    via: host,
    host: server.address.toString(),
    port,
    localAddress: route.address.toString(),
    pathManager: 'passive',
    keepAlive: true,
    keepAliveInitialDelay: probeAfterMs,
  });
  attempt.onEnd(() => socket.resetAndDestroy());
  socket.on('error', (error) => attempt.fail(messageOf(error)));
  socket.on('close', () => attempt.fail('the server closed the connection'));
  socket.on('fallback', (cause) => attempt.fail(fellBack(String(cause))));
  socket.on('connect', () => {
    if (!socket.isMultipath) attempt.fail(fellBack(socket.multipath.fallbackCause));
    else void open(attempt, socket);
  });
  // What the server sends is of no interest, but what is not read stops its acknowledgments in the end.
  socket.resume();
}

/** Opens the second subflow. */
async function open(attempt: Attempt, socket: Socket): Promise<void> {
  attempt.phase = () =>
    socket.subflows.length > 1 ? 'joining' : 'waiting for an acknowledgment at the data level';
  try {
    await openWhereAllowed(attempt, socket);
    attempt.succeed();
  } catch (error) {
    attempt.fail(`the join failed: ${messageOf(error)}`);
  }
}

async function openWhereAllowed(attempt: Attempt, socket: Socket): Promise<void> {
  try {
    await socket.openSubflow();
    return;
  } catch (error) {
    if (codeOf(error) !== 'ERR_SUBFLOW_FORBIDDEN') throw error;
  }
  attempt.phase = 'the server takes joins elsewhere only, and announced no address';
  const { address, port } = await announced(attempt, socket);
  attempt.phase = `joining at ${address} port ${port}`;
  await socket.openSubflow({ remoteAddress: address, remotePort: port });
}

/** An address or port of the server's own that it announced; pending until it does. */
function announced(attempt: Attempt, socket: Socket): Promise<{ address: string; port: number }> {
  const known = socket.multipath.remoteAddresses?.find(({ id }) => id !== 0);
  if (known !== undefined) return Promise.resolve(known);
  return new Promise((resolve) => {
    const hear = ({ type, address, port }: AddressEvent): void => {
      if (type === 'announced' && address !== undefined && port !== undefined) resolve({ address, port });
    };
    socket.on('address', hear);
    attempt.onEnd(() => socket.off('address', hear));
  });
}

function fellBack(cause: string | undefined): string {
  return `the connection fell back to TCP${cause === undefined ? '' : ` (${cause})`}`;
}

/** The hosts that attempts share: one for each own address, for as long as an attempt needs it. */
class Hosts {
  readonly namespace: NetworkNamespace | undefined;
  private readonly hosts = new Map<string, { readonly host: UserspaceHost; users: number }>();

  constructor(namespace: NetworkNamespace | undefined) {
    this.namespace = namespace;
  }

  /** The host for `route`; to be let go of. Throws as {@link UserspaceHost.addRaw} does. */
  take(route: LocalRoute): UserspaceHost {
    const key = keyOf(route);
    const entry = this.hosts.get(key) ?? { host: this.make(route), users: 0 };
    entry.users++;
    this.hosts.set(key, entry);
    return entry.host;
  }

  letGo(route: LocalRoute): void {
    const key = keyOf(route);
    const entry = this.hosts.get(key);
    if (entry === undefined || --entry.users > 0) return;
    this.hosts.delete(key);
    entry.host.close();
  }

  private make({ address, interfaceName }: LocalRoute): UserspaceHost {
    const host = new UserspaceHost();
    try {
      host.addRaw({
        interface: interfaceName,
        addresses: [`${address.toString()}/${address.byteLength * 8}`],
        maxPorts,
        ...(this.namespace !== undefined && { namespace: this.namespace }),
      });
      return host;
    } catch (error) {
      host.close();
      throw error;
    }
  }
}

function keyOf({ address, interfaceName }: LocalRoute): string {
  return `${interfaceName} ${address.toString()}`;
}

/**
 * Two Linux hosts, in namespaces of their own, joined by two links that have a rate and can lose their carrier: the client's
 * interfaces have the names and addresses given, the server has one address behind a route over each.
 */
import { execFileSync } from 'node:child_process';
import { interfaceBytes, NetworkNamespace } from '../../src/linux/index.js';

/** What one of the two links is like. */
export interface LinkShape {
  /** The client's name of it: `wlan0` counts as Wi-Fi, `wwan0` as cellular, `eth0` as wired. */
  readonly name: string;
  readonly rateMbit: number;
}

export interface TwoLinks {
  readonly client: NetworkNamespace;
  readonly server: NetworkNamespace;
  /** The server's address, which both links lead to. */
  readonly serverAddress: string;
  /** The client's address on each link. */
  readonly addresses: readonly [string, string];
  /** Takes the carrier of the first or second link, or gives it back. */
  setCarrier(which: 0 | 1, isUp: boolean): void;
  /** Bytes that came to the client and left it over the link, headers included. */
  bytesOver(which: 0 | 1): number;
}

/** Makes them; what is to be closed at the end, last first, is added to `open`. */
export function twoLinks(open: { close(): unknown }[], shapes: readonly [LinkShape, LinkShape]): TwoLinks {
  const client = NetworkNamespace.create('client');
  const server = NetworkNamespace.create('server');
  open.push(client, server);
  client.sysctl('net.mptcp.pm_type', 1);
  server.ip('mptcp limits set subflows 8', 'address add 10.9.0.1/32 dev lo');
  // Each link of its own, and both may answer for addresses of the other.
  for (const namespace of [client, server]) namespace.sysctl('net.ipv4.conf.all.rp_filter', 0);
  const addresses = shapes.map(({ name, rateMbit }, i) => {
    const far = `s${i}`;
    client.connectTo(server, name, far);
    client.ip(
      `address add 10.0.${i}.1/24 dev ${name}`,
      `route add 10.9.0.1/32 via 10.0.${i}.2 dev ${name} metric ${i + 1}`,
    );
    server.ip(`address add 10.0.${i}.2/24 dev ${far}`);
    limitRate(client, name, rateMbit);
    limitRate(server, far, rateMbit);
    return `10.0.${i}.1`;
  });
  return {
    client,
    server,
    serverAddress: '10.9.0.1',
    addresses: [addresses[0]!, addresses[1]!],
    setCarrier: (which, isUp) => void server.ip(`link set s${which} ${isUp ? 'up' : 'down'}`),
    bytesOver: (which) => {
      const { sent = 0, received = 0 } = client.run(interfaceBytes).get(shapes[which].name) ?? {};
      return sent + received;
    },
  };
}

/** What the interface sends waits up to 50 ms, and is lost then. */
function limitRate(namespace: NetworkNamespace, name: string, rateMbit: number): void {
  const shape = ['rate', `${rateMbit}mbit`, 'burst', '20kb', 'latency', '50ms'];
  namespace.run(() =>
    execFileSync('tc', ['qdisc', 'add', 'dev', name, 'root', 'tbf', ...shape], { stdio: 'pipe' }),
  );
}

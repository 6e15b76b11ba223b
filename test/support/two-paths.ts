/** Two Linux hosts in namespaces of their own, joined by two links: 10.0.1.0/24 and 10.0.2.0/24, fd00:1::/64 and fd00:2::/64. */
import { NetworkNamespace } from '../../src/linux/index.js';

export interface TwoPaths {
  /** 10.0.N.1 and fd00:N::1 on `pathN`. */
  readonly client: NetworkNamespace;
  /** 10.0.N.2 and fd00:N::2 on `pathN`. */
  readonly server: NetworkNamespace;
}

/** Makes them; both take up to four subflows, and announced addresses. The caller closes them. */
export function twoPaths(): TwoPaths {
  const client = NetworkNamespace.create('client');
  const server = NetworkNamespace.create('server');
  for (const path of [1, 2]) {
    client.connectTo(server, `path${path}`, `path${path}`);
    for (const [host, namespace] of [client, server].entries())
      namespace.ip(
        `address add 10.0.${path}.${host + 1}/24 dev path${path}`,
        `address add fd00:${path}::${host + 1}/64 dev path${path}`,
      );
  }
  for (const each of [client, server]) each.ip('mptcp limits set subflow 4 add_addr_accepted 4');
  return { client, server };
}

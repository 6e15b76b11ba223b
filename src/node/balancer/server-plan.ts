/**
 * What Linux needs so that it stands behind a balancer that encapsulates: which settings each design wants, as steps that can be taken
 * back. Looks at nothing by itself and changes nothing; the machine's present state is given.
 *
 * Read first: docs/balancing.md, "Linux servers"; ip-mptcp(8); Linux Documentation/networking/ip-sysctl.rst and mptcp-sysctl.rst.
 */
import { SubflowError } from '../../base/index.js';
import { defaultJoinPortBase, encapsulationBytes, type DesignName } from '../../balancer/index.js';
import { ipHeaderLength, type Endpoint, type IpAddress } from '../../wire/index.js';
import type { IpStep, SetupStep, SysctlStep } from './server-steps.js';

/** What a server is told. */
export interface ServerSetup {
  readonly design: DesignName;
  /** The server's number, 1 to `maxServerId`. */
  readonly id: number;
  /** The server's own address, which balancers send to. */
  readonly address: IpAddress;
  /** Addresses and ports that clients connect to. */
  readonly services: readonly Endpoint[];
  /** As at the balancers. Default `defaultJoinPortBase`. */
  readonly joinPortBase?: number;
  /** Interface that encapsulated packets come in by. */
  readonly interfaceName: string;
  /**
   * `beamer` with services of IPv6: switch TCP's timestamps off, on the whole server. Linux cannot announce an address of IPv6 with a
   * port beside them: 30 bytes and 12 are more than the 40 that options have. Default false.
   */
  readonly withoutTimestamps?: boolean;
  /** Longest IP packet that the network carries between balancers and servers, bytes. Default: what the interface does. */
  readonly largestPacketBytes?: number;
}

/** What the plan has to know of the machine. */
export interface MachineFacts {
  /** Largest packet that the interface carries. */
  readonly interfaceMtu: number;
  /** Value of a kernel parameter, named with slashes; undefined where the kernel has none. */
  readonly sysctl: (name: string) => string | undefined;
  /** Routes of the main table as `ip -o route show table main` prints them, by family. */
  readonly routes: { readonly 4: readonly string[]; readonly 6: readonly string[] };
  /** Limits of the kernel's Multipath TCP; undefined where it has none. */
  readonly limits: { readonly subflows: number; readonly addAddrAccepted: number } | undefined;
}

/** Table of routes, and priority of the rule that leads there, for what the services send. */
export const agentTable = 8684;
/** Routes of the main table that are followed; beyond it segments are not limited. */
export const maxRoutes = 256;
/** ID of the first endpoint that is announced; high, so that those of others keep theirs. */
const firstEndpointId = 200;
/** The kernel has room for 8 endpoints (MPTCP_PM_ADDR_MAX). */
const maxEndpoints = 8;
/** The most that the kernel allows beside the first. */
const maxSubflows = 8;
const TCP_HEADER_BYTES = 20;
const timestamps = 'net/ipv4/tcp_timestamps';

/** Designs whose joins need no help of the server's. */
const plainDesigns: readonly DesignName[] = ['stateful', 'stateless', 'maglev', 'token-map'];

/**
 * The steps, in the order in which they are to be done.
 * @throws SubflowError `ERR_SUBFLOW_UNSUPPORTED` for `key-select`, and for designs that need Multipath TCP of a kernel without;
 * `ERR_SUBFLOW_BAD_SERVICE` for more addresses than can be announced.
 */
export function planServer(setup: ServerSetup, facts: MachineFacts): readonly SetupStep[] {
  if (setup.design === 'key-select') {
    throw new SubflowError(
      'ERR_SUBFLOW_UNSUPPORTED',
      'Linux cannot stand behind key-select: the kernel draws keys and timestamps itself, and takes no number of a server into them',
      { hint: "Use beamer or direct-address; or serve with this project's own engine (docs/balancing.md)." },
    );
  }
  return [
    ...quietAddresses(setup),
    ...looseReversePath(setup, facts),
    ...serviceAddresses(setup),
    ...segmentLimit(setup, facts),
    ...multipath(setup, facts),
  ];
}

/** What the plan cannot do anything about, and what to do: whole sentences. */
export function planWarnings(setup: ServerSetup, { routes, sysctl: read }: MachineFacts): readonly string[] {
  const warnings: string[] = [];
  if (routes[4].length > maxRoutes || routes[6].length > maxRoutes) {
    warnings.push(
      `There are more than ${maxRoutes} routes, which are not copied to table ${agentTable}: have the network carry what balancers ` +
        'add, or the programs that listen set TCP_MAXSEG.',
    );
  }
  const hasV6Ports = setup.design === 'beamer' && families(setup).includes(6);
  if (hasV6Ports && setup.withoutTimestamps !== true && read(timestamps) !== '0') {
    warnings.push(
      "Joins to services of IPv6 will not come: Linux has no room to announce their port beside TCP's timestamps. Switch those off " +
        '(--without-timestamps), or use direct-address.',
    );
  }
  return warnings;
}

/** Addresses of the services, each once. */
export function serviceAddressesOf({ services }: Pick<ServerSetup, 'services'>): readonly IpAddress[] {
  return services
    .map(({ address }) => address)
    .filter((address, at, all) => all.findIndex((other) => other.equals(address)) === at);
}

/** Bytes that balancers and other servers put in front of a packet on its way to this one. */
export function addedBytes({ design, address }: Pick<ServerSetup, 'design' | 'address'>): number {
  return plainDesigns.includes(design) || design === 'direct-address'
    ? ipHeaderLength(address.family)
    : encapsulationBytes(address.family);
}

function families(setup: ServerSetup): readonly (4 | 6)[] {
  return ([4, 6] as const).filter((family) =>
    setup.services.some(({ address }) => address.family === family),
  );
}

/** A step for a kernel parameter. */
function sysctl(name: string, value: string, accepts: readonly string[], why: string): SysctlStep {
  return { kind: 'sysctl', name, value, accepts, why };
}

/**
 * All servers have the services' addresses, and the balancer alone may answer for them on the link. Of IPv6, Linux answers only for
 * addresses of the interface that is asked (net/ipv6/ndisc.c), so that loopback's are quiet by themselves.
 */
function quietAddresses(setup: ServerSetup): readonly SetupStep[] {
  if (!families(setup).includes(4)) return [];
  const conf = 'net/ipv4/conf/all';
  return [
    sysctl(`${conf}/arp_ignore`, '1', ['2', '8'], 'no answer to ARP for addresses of other interfaces'),
    sysctl(`${conf}/arp_announce`, '2', [], 'no question by ARP in the name of a service'),
  ];
}

/** The client of an unpacked packet may be reached by another interface than the packet came in by. */
function looseReversePath(
  { interfaceName, ...setup }: ServerSetup,
  facts: MachineFacts,
): readonly SetupStep[] {
  if (!setup.services.some(({ address }) => address.family === 4)) return [];
  const own = `net/ipv4/conf/${interfaceName}/rp_filter`;
  const values = ['net/ipv4/conf/all/rp_filter', own].map((name) => Number(facts.sysctl(name) ?? '0'));
  // The greater one counts: 1 is strict, 2 is loose.
  if (Math.max(...values) !== 1) return [];
  return [sysctl(own, '2', [], 'packets of clients that are reached by another interface')];
}

/**
 * The services' addresses are the server's own, and yet never chosen for what the server itself sends: of IPv4 by their scope, of
 * IPv6 because they are deprecated.
 */
function serviceAddresses(setup: ServerSetup): readonly SetupStep[] {
  return serviceAddressesOf(setup).map((address): IpStep => {
    const prefix = `${address.toString()}/${address.family === 4 ? 32 : 128}`;
    const how = address.family === 4 ? 'scope host' : 'nodad preferred_lft 0';
    return {
      ...{ kind: 'ip', name: `address ${prefix}` },
      commands: [`address add ${prefix} dev lo ${how}`],
      undo: `address delete ${prefix} dev lo`,
      shows: `address show to ${prefix}`,
      sign: address.toString(),
      why: 'the address that clients connect to',
    };
  });
}

/**
 * Has clients send segments that fit with what balancers put in front. The SYN-ACK says how long they may be (RFC 9293 §3.7.1), and
 * Linux takes that from the route; so that nothing else is limited, what the services send has a table of routes of its own.
 */
function segmentLimit(setup: ServerSetup, facts: MachineFacts): readonly SetupStep[] {
  const largest = (setup.largestPacketBytes ?? facts.interfaceMtu) - addedBytes(setup);
  if (largest >= facts.interfaceMtu) return [];
  return families(setup).flatMap((family) => {
    const routes = facts.routes[family];
    if (routes.length > maxRoutes) return [];
    const addresses = serviceAddressesOf(setup).filter((address) => address.family === family);
    const segmentBytes = largest - ipHeaderLength(family) - TCP_HEADER_BYTES;
    return [routesStep(family, segmentBytes, routes), ...addresses.map((address) => ruleStep(address))];
  });
}

const flagOf = (family: 4 | 6): string => (family === 6 ? '-6 ' : '');

function routesStep(family: 4 | 6, segmentBytes: number, routes: readonly string[]): IpStep {
  const flag = flagOf(family);
  const into = `table ${agentTable} advmss ${segmentBytes}`;
  return {
    ...{ kind: 'ip', name: `routes of IPv${family}` },
    commands: routes.flatMap((line) => {
      const route = copyOf(line);
      return route === undefined ? [] : [`${flag}route replace ${route} ${into}`];
    }),
    undo: `${flag}route flush table ${agentTable}`,
    shows: `${flag}route show table ${agentTable}`,
    sign: `advmss ${segmentBytes}`,
    why: `clients send segments of ${segmentBytes} bytes at most: with all headers they fit in a packet`,
  };
}

/** What of a route as `ip` prints it makes the same one; undefined for kinds that carry nothing to clients. */
function copyOf(line: string): string | undefined {
  const words = line.replaceAll('\\', ' ').trim().split(/\s+/);
  const isLocal = words[words.indexOf('dev') + 1] === 'lo';
  if (isLocal || ['broadcast', 'local', 'multicast', 'anycast'].includes(words[0]!)) return undefined;
  const kept: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    // What the kernel adds when it prints, and times that run out.
    if (['linkdown', 'dead', 'pervasive', 'offload', 'trap', 'rt_offload'].includes(word)) continue;
    if (['proto', 'pref', 'expires', 'error', 'advmss'].includes(word)) i++;
    else kept.push(word);
  }
  return kept.join(' ');
}

function ruleStep(address: IpAddress): IpStep {
  const flag = flagOf(address.family);
  const rule = `from ${address.toString()} lookup ${agentTable} priority ${agentTable}`;
  return {
    ...{ kind: 'ip', name: `rule ${address.toString()}` },
    commands: [`${flag}rule add ${rule}`],
    undo: `${flag}rule delete ${rule}`,
    shows: `${flag}rule show`,
    sign: `from ${address.toString()} lookup ${agentTable}`,
    why: 'what the service sends takes those routes',
  };
}

/** Joins come to the server itself: to an address or a port of its own, which it announces. */
function multipath(setup: ServerSetup, facts: MachineFacts): readonly SetupStep[] {
  if (plainDesigns.includes(setup.design)) return [];
  const { limits } = facts;
  if (limits === undefined) {
    throw new SubflowError(
      'ERR_SUBFLOW_UNSUPPORTED',
      `${setup.design} needs Multipath TCP of the kernel, which has none here`,
      { hint: 'subflow check says what is missing.' },
    );
  }
  const endpoints = endpointSteps(setup);
  if (endpoints.length > maxEndpoints) {
    throw new SubflowError(
      'ERR_SUBFLOW_BAD_SERVICE',
      `the kernel announces ${maxEndpoints} addresses at most, and there are ${endpoints.length} of services`,
      { hint: 'Use direct-address, which announces one, or fewer addresses with more ports.' },
    );
  }
  return [
    sysctl('net/mptcp/enabled', '1', [], 'Multipath TCP'),
    sysctl(
      'net/mptcp/allow_join_initial_addr_port',
      '0',
      [],
      'flag C: no joins to the address that balancers share out (RFC 8684 §3.1)',
    ),
    ...(setup.withoutTimestamps ? [sysctl(timestamps, '0', [], 'room to announce ports of IPv6')] : []),
    limitStep(limits),
    ...endpoints,
  ];
}

/** A connection takes two subflows beside the first unless told otherwise; the server's limit should not be what refuses a join. */
function limitStep({ subflows, addAddrAccepted }: NonNullable<MachineFacts['limits']>): IpStep {
  const set = (count: number): string =>
    `mptcp limits set subflow ${count} add_addr_accepted ${addAddrAccepted}`;
  return {
    ...{ kind: 'ip', name: 'limits', commands: [set(maxSubflows)], undo: set(subflows) },
    ...{ shows: 'mptcp limits show', sign: `subflows ${maxSubflows}` },
    why: 'as many joins as clients ask for',
  };
}

function endpointSteps(setup: ServerSetup): readonly IpStep[] {
  if (setup.design === 'direct-address') {
    return [endpointStep(firstEndpointId, setup.address, 0, "the server's own address, which joins go to")];
  }
  const port = (setup.joinPortBase ?? defaultJoinPortBase) + setup.id;
  return serviceAddressesOf(setup).map((address, index) =>
    endpointStep(firstEndpointId + index, address, port, "the server's own port, which joins go to"),
  );
}

function endpointStep(id: number, address: IpAddress, port: number, why: string): IpStep {
  const at = port === 0 ? '' : ` port ${port}`;
  return {
    ...{ kind: 'ip', name: `endpoint ${id}`, why },
    commands: [`mptcp endpoint add ${address.toString()} id ${id} signal${at}`],
    undo: `mptcp endpoint delete id ${id}`,
    shows: 'mptcp endpoint show',
    sign: `${address.toString()}${at} id ${id} signal`,
  };
}

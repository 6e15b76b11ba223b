/**
 * What `subflow balance agent` is told: by its options first, then by the balancers' configuration, which one file can so
 * be for balancers and servers alike. Of that file it follows the list of servers.
 */
import {
  type BalanceConfig,
  defaultJoinPortBase,
  defaultSteeringSettings,
  type DesignName,
  Services,
} from '../../balancer/index.js';
import { SubflowError } from '../../base/index.js';
import { type ConfigMark, loadBalancing, loadDaemon, type ServerAgent } from '../../node/index.js';
import type { Endpoint, IpAddress } from '../../wire/index.js';
import { UsageError } from '../errors.js';
import { readConfigOrExplain } from './read-config.js';

/** What may stand in the file as well. */
export interface AgentPlace {
  readonly design: DesignName;
  readonly address: IpAddress;
  readonly service: readonly Endpoint[];
  readonly balancer: readonly IpAddress[];
  readonly peer: readonly IpAddress[];
  readonly joinPortBase: number;
  readonly buckets: number;
  /** In ns. */
  readonly chain: number;
}

/** Options as they were given. */
export interface GivenPlace extends Partial<AgentPlace> {
  readonly id: number;
  readonly config?: string;
}

/** How the file is now; to be asked before {@link completePlace} reads it. Undefined without one. */
export async function markOfFile({ config: path }: GivenPlace): Promise<ConfigMark | undefined> {
  return path === undefined ? undefined : (await loadDaemon()).configMark(path);
}

/** The options, completed by the file and by what is usual. Throws {@link UsageError} for what is still missing, and what cannot be. */
export async function completePlace(given: GivenPlace): Promise<AgentPlace> {
  const { config: path } = given;
  const config = path === undefined ? undefined : await readConfigOrExplain(path);
  const { buckets, chainNs } = { ...defaultSteeringSettings, ...config?.settings };
  const source = config?.source;
  const own = config?.servers.find(({ id }) => id === given.id);
  const place: AgentPlace = {
    design: needed(given.design ?? config?.design, '--design <name>'),
    address: needed(given.address ?? own?.address, '--address <address>'),
    service: needed(given.service ?? config?.services, '--service <address:port>'),
    balancer: needed(given.balancer ?? (source === undefined ? undefined : [source]), '--balancer <address>'),
    peer: given.peer ?? (config === undefined ? [] : peersOf(config)),
    joinPortBase: given.joinPortBase ?? config?.joinPortBase ?? defaultJoinPortBase,
    buckets: given.buckets ?? buckets,
    chain: given.chain ?? chainNs,
  };
  check(place);
  return place;
}

function check({ address, service, balancer, peer, joinPortBase }: AgentPlace): void {
  const other = [...balancer, ...peer].find(({ family }) => family !== address.family);
  if (other !== undefined)
    throw new UsageError(
      `${other.toString()} is no address of IPv${address.family}, as this server's own is`,
      'servers and balancers speak to each other over one family; services may be of both',
    );
  try {
    new Services(service, joinPortBase);
  } catch (error) {
    if (error instanceof SubflowError) throw new UsageError(error.message, error.hint);
    throw error;
  }
}

/**
 * Has the agent know the other servers of the file whenever it is another one than `since`; not where they were given as options. What is
 * wrong with a file is told, and the servers stay. Returns what ends that.
 */
export async function followServers(
  given: GivenPlace,
  agent: ServerAgent,
  since: ConfigMark | undefined,
): Promise<() => void> {
  const { config: path, peer } = given;
  if (path === undefined || since === undefined || peer !== undefined) return () => undefined;
  const [{ ConfigWatch }, { readConfig }] = await Promise.all([loadDaemon(), loadBalancing()]);
  const watch = new ConfigWatch(path, since, readConfig, (event) => {
    if (event.ok) agent.setPeers(peersOf(event.config));
    else process.stderr.write(`${event.problem}\n`);
  });
  return () => watch.close();
}

function peersOf({ servers }: BalanceConfig): readonly IpAddress[] {
  return servers.map(({ address }) => address);
}

function needed<T>(value: T | undefined, option: string): T {
  if (value !== undefined) return value;
  throw new UsageError(
    `option '${option}' is missing`,
    "give it, or --config with the balancers' configuration",
  );
}

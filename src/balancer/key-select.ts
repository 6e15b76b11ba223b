/**
 * `key-select`, after Olteanu and Raiciu, "Datacenter scale load balancing for Multipath TCP" (HotMiddlebox 2016): tokens own
 * servers. A server draws its keys until the low bits of the token are its number, and writes the number into the low bits of
 * every timestamp it sends. So a join is steered by its token, every later packet of any flow by the timestamp it echoes, and
 * the balancer keeps nothing. SYNs that begin a connection go where the Maglev table says, as do packets without timestamps,
 * which a change of servers may move.
 *
 * What the servers have to do is `serverMark` in the settings of a stack. Works with both versions.
 */
import { NEVER, SubflowError } from '../base/index.js';
import { MaglevTable } from './maglev.js';
import type { PacketView } from './packet-view.js';
import type { Server, ServerSet } from './servers.js';
import type { SteeringSettings } from './settings.js';
import { type Steering, SteeringCounters, type SteeringFactory } from './steering.js';
import { type Verdict, VerdictReason } from './verdict.js';

class KeySelect implements Steering {
  readonly counters = new SteeringCounters();
  readonly entryCount = 0;
  readonly tableBytes = 0;
  private readonly settings: SteeringSettings;
  /** The bits of a token or a timestamp that name the server. */
  private readonly mask: number;
  private servers: ServerSet;
  private table: MaglevTable;

  constructor(settings: SteeringSettings, servers: ServerSet) {
    this.settings = settings;
    this.mask = 2 ** settings.serverBits - 1;
    this.servers = this.checked(servers);
    this.table = new MaglevTable(servers.up, settings.maglevPlaces);
  }

  steer(_now: number, packet: PacketView, verdict: Verdict): void {
    const { joinToken, serverStamp } = packet;
    if (joinToken >= 0) {
      this.counters.joins++;
      const owner = this.servers.find(joinToken & this.mask);
      if (owner === undefined) {
        verdict.refuse(VerdictReason.UNKNOWN_SERVER);
        return;
      }
      if (this.table.find(packet.hashFlow()) !== owner) this.counters.misSteersAvoided++;
      verdict.deliver(owner);
      return;
    }
    let server: Server | undefined;
    if (serverStamp !== 0 && !packet.isSyn) server = this.servers.find(serverStamp & this.mask);
    server ??= this.table.find(packet.hashFlow());
    if (server === undefined) verdict.refuse(VerdictReason.NO_SERVER);
    else verdict.deliver(server);
  }

  setServers(_now: number, servers: ServerSet): void {
    this.servers = this.checked(servers);
    this.table = new MaglevTable(servers.up, this.settings.maglevPlaces);
  }

  /** Throws `ERR_SUBFLOW_BAD_SERVER` for a number that has no room in the bits. */
  private checked(servers: ServerSet): ServerSet {
    const { all } = servers;
    const highest = all.length === 0 ? 0 : all[all.length - 1]!.id;
    if (highest <= this.mask) return servers;
    throw new SubflowError(
      'ERR_SUBFLOW_BAD_SERVER',
      `server ${highest}: ${this.settings.serverBits} bits name servers from 1 to ${this.mask}`,
      { hint: 'Give the servers lower numbers, or raise serverBits here and on the servers.' },
    );
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Nothing depends on time.
  }

  pollEvent(): undefined {
    return undefined;
  }
}

/** Makes `key-select`. */
export const keySelect: SteeringFactory = (_now, { settings, servers }) => new KeySelect(settings, servers);

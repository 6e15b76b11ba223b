/**
 * The choices of mainline Linux's own path manager: addresses are endpoints with flags, and limits say how many subflows
 * there may be beside the first. Nothing that was lost is opened again.
 *
 * | flag        | what it is for                                                                                          |
 * | ----------- | ------------------------------------------------------------------------------------------------------- |
 * | `signal`    | announced to the peer                                                                                   |
 * | `subflow`   | one subflow from it, to the address that the connection began with                                      |
 * | `fullMesh`  | with `subflow`: one to every address of the peer that subflows go to; and one to each that is announced |
 * | `laminar`   | where none is `fullMesh`: one subflow to one announced address, each of the two used once               |
 * | `backup`    | its subflows are backups                                                                                |
 *
 * Where no address is `fullMesh` or `laminar`, an announced address gets one subflow from the first of this host's that can
 * reach it, as by routing. Either side opens subflows, as in Linux; servers seldom have addresses marked for that.
 *
 * Read first: Linux 6.18, net/mptcp/pm_kernel.c (mptcp_pm_create_subflow_or_signal_addr, mptcp_pm_nl_add_addr_received), and
 * ip-mptcp(8). Left out: that Linux sends announcements one after the other, and endpoints made by the kernel itself.
 */
import { SubflowError } from '../../base/index.js';
import type {
  LocalAddress,
  PathAction,
  PathEvent,
  PathManager,
  PathManagerFactory,
  PathView,
  RemoteAddress,
} from './path-manager.js';
import { addressFrom, prefixesOf } from './reach.js';
import { announcements, departures } from './signal.js';

/** `ip mptcp limits`. */
export interface LinuxLimits {
  /** Subflows beside the first, whoever opens them: 0 to 255. Default 2. */
  readonly subflows?: number;
  /** Announced addresses that are connected to: 0 to 255. Default 0. */
  readonly acceptedAddresses?: number;
}

const DEFAULT_SUBFLOWS = 2;
const DEFAULT_ACCEPTED = 0;

class LinuxPaths implements PathManager {
  readonly name = 'linux';
  private readonly limits: Required<LinuxLimits>;
  /** IDs of own addresses that were used up: each serves once, until it leaves and comes back. */
  private used: number[] = [];
  /** Announced addresses that were connected to and not withdrawn since. */
  private accepted: number[] = [];

  constructor(limits: Required<LinuxLimits>) {
    this.limits = limits;
  }

  decide(event: PathEvent, view: PathView): readonly PathAction[] {
    this.used = this.used.filter((id) => view.localAddresses.some((local) => local.id === id));
    const actions = [...departures(view), ...announcements(view)];
    if (event.type === 'address-removed') this.accepted = this.accepted.filter((id) => id !== event.id);
    const plan = new JoinPlan(view, this.limits.subflows);
    if (event.type === 'established') this.noteInitial(view, actions);
    if (event.type === 'address-announced') this.react(view, plan, event.id);
    else if (event.type !== 'retry' && event.type !== 'time') this.useEndpoints(view, plan);
    return [...actions, ...plan.joins];
  }

  /** The connection began on one of the addresses: that serves no other subflow, and may be a backup. */
  private noteInitial(view: PathView, actions: PathAction[]): void {
    const initial = view.paths.find(({ subflow }) => subflow?.isInitial === true);
    const local = view.localAddresses.find(({ address }) => initial?.local.equals(address) === true);
    if (local === undefined) return;
    this.used.push(local.id);
    if (local.backup && initial?.subflow !== undefined)
      actions.push({ type: 'set-backup', subflow: initial.subflow, backup: true });
  }

  /** Subflows from the addresses that were not used yet. */
  private useEndpoints(view: PathView, plan: JoinPlan): void {
    const initial = view.remoteAddresses.filter(({ id }) => id === 0);
    for (const local of view.localAddresses) {
      if (!local.subflow || this.used.includes(local.id)) continue;
      if (plan.isFull) return;
      this.used.push(local.id);
      for (const remote of local.fullMesh === true ? connectedRemotes(view) : initial)
        plan.join(local, remote);
    }
  }

  /** Subflows to an address that the peer announced. */
  private react(view: PathView, plan: JoinPlan, id: number): void {
    const remote = view.remoteAddresses.find((known) => known.id === id);
    if (remote === undefined || this.accepted.length >= this.limits.acceptedAddresses) return;
    const isConnected = view.paths.some(
      ({ subflow, remote: { address, port } }) =>
        subflow !== undefined && address.equals(remote.address) && port === remote.port,
    );
    if (isConnected) return;
    const sources = this.sourcesFor(view, plan, remote);
    let count = 0;
    for (const local of sources) if (plan.join(local, remote)) count++;
    if (count > 0) this.accepted.push(id);
  }

  private sourcesFor(view: PathView, plan: JoinPlan, remote: RemoteAddress): readonly LocalAddress[] {
    const reaching = view.localAddresses.filter((local) => plan.reach(local, remote) !== undefined);
    const fullMesh = reaching.filter((local) => local.fullMesh === true);
    if (fullMesh.length > 0) return fullMesh;
    if (view.localAddresses.some((local) => local.laminar === true)) {
      const laminar = reaching.find((local) => local.laminar === true && !this.used.includes(local.id));
      if (laminar === undefined) return [];
      this.used.push(laminar.id);
      return [laminar];
    }
    return reaching.slice(0, 1);
  }
}

/** Addresses of the peer that subflows go to, one of each ID. */
function connectedRemotes(view: PathView): RemoteAddress[] {
  const found: RemoteAddress[] = [];
  for (const { subflow, remote } of view.paths) {
    if (subflow === undefined || found.some(({ id }) => id === subflow.remoteId)) continue;
    const isForbidden = subflow.remoteId === 0 && !view.remoteAddresses.some(({ id }) => id === 0);
    if (!isForbidden) found.push({ id: subflow.remoteId, ...remote });
  }
  return found;
}

/** The subflows that one decision leads to. */
class JoinPlan {
  readonly joins: PathAction[] = [];
  private readonly view: PathView;
  private readonly prefixes: ReturnType<typeof prefixesOf>;
  private room: number;

  constructor(view: PathView, limit: number) {
    this.view = view;
    this.prefixes = prefixesOf(view.localAddresses);
    const others = view.paths.filter(({ subflow, isAsked }) => isAsked || subflow?.isInitial === false);
    this.room = Math.min(view.subflowRoom, limit - others.length);
  }

  get isFull(): boolean {
    return this.room <= 0;
  }

  /** The address by which `remote` is reached from `local`. */
  reach(local: LocalAddress, remote: RemoteAddress): RemoteAddress['address'] | undefined {
    return addressFrom(local, remote.address, this.prefixes);
  }

  /** Plans a subflow; false where the limits, the families or one that is there already stand against it. */
  join(local: LocalAddress, remote: RemoteAddress): boolean {
    const address = this.reach(local, remote);
    if (address === undefined || this.isFull) return false;
    const isTaken = this.view.paths.some(
      (path) =>
        path.local.equals(local.address) &&
        path.remote.port === remote.port &&
        path.remote.address.equals(address),
    );
    if (isTaken) return false;
    this.room--;
    this.joins.push({ type: 'open', local, remote: { ...remote, address }, backup: local.backup });
    return true;
  }
}

function isLimit(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 255;
}

/** Makes path managers with limits of one's own. Throws `ERR_SUBFLOW_BAD_SETTING` for some out of range. */
export function linuxPathsFor(limits: LinuxLimits): PathManagerFactory {
  const { subflows = DEFAULT_SUBFLOWS, acceptedAddresses = DEFAULT_ACCEPTED } = limits;
  if (!isLimit(subflows) || !isLimit(acceptedAddresses)) {
    throw new SubflowError('ERR_SUBFLOW_BAD_SETTING', 'a limit of subflows or addresses is out of range', {
      hint: 'Both are whole numbers from 0 to 255.',
    });
  }
  return () => new LinuxPaths({ subflows, acceptedAddresses });
}

/** Makes the path manager of Linux with the limits that it comes with. */
export const linuxPaths: PathManagerFactory = linuxPathsFor({});

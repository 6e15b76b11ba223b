/**
 * The path manager of a service type: shows the policy how the connection stands, and turns its answer into actions of this
 * engine. It is asked when something happened, and a few times a second while data moves; between these it costs nothing.
 * The client decides about paths; a server only announces its addresses.
 * Read first: src/policy/path-policy.ts.
 */
import { MILLISECOND, NEVER } from '../../base/index.js';
import { PathPolicy, type LinkId, type PolicyAction, type ServiceType } from '../../policy/index.js';
import type {
  PathAction,
  PathEvent,
  PathManager,
  PathManagerFactory,
  PathView,
} from '../path-manager/path-manager.js';
import { announcements, departures } from '../path-manager/signal.js';
import type { Subflow } from '../subflow.js';
import { linkIdOf, linksOf, pairOn, pathsOf, type PathName } from './path-looks.js';
import { ReceptionWatch } from './reception-watch.js';
import type { ServiceTypeOptions } from './service-options.js';
import { TargetWatch, type TargetPath } from './target-watch.js';

/** How often paths are looked at while data moves, in ns. */
const LOOK_INTERVAL_NS = 100 * MILLISECOND;

/** Names of the path managers, in the form that such names have. */
const names: Readonly<Record<ServiceType, string>> = Object.freeze({
  none: 'none',
  handover: 'handover',
  interactive: 'interactive',
  aggregate: 'aggregate',
  targetBased: 'target-based',
});

class ServicePaths implements PathManager {
  readonly name: string;
  readonly watchesPaths = true;
  wakesOnProgress = false;
  wakeAt = NEVER;
  private readonly policy: PathPolicy<PathName>;
  private readonly reception = new ReceptionWatch();
  private readonly target: TargetWatch | undefined;
  /** Links that the last view had. */
  private links: readonly LinkId[] = [];
  /** The link that the connection began on. */
  private initial: LinkId | undefined = undefined;
  /** The link that carried the data when last asked. */
  private main: LinkId | undefined = undefined;
  /** Bytes that had moved when last asked. */
  private movedBytes = 0;

  constructor(type: ServiceType, options: ServiceTypeOptions) {
    this.name = names[type];
    this.policy = new PathPolicy(type, options.thresholds);
    const { recoverNs } = this.policy.monitor.thresholds;
    this.target = type === 'targetBased' ? new TargetWatch(options.target ?? {}, recoverNs) : undefined;
  }

  decide(_event: PathEvent, view: PathView): readonly PathAction[] {
    const actions = [...departures(view), ...announcements(view)];
    if (!view.isClient) return actions;
    const { now, progress } = view;
    this.initial ??= initialLinkOf(view);
    const links = linksOf(view, this.initial);
    for (const id of this.links) {
      if (!links.some((link) => link.id === id)) this.policy.noteCarrierLoss(now, id);
    }
    this.links = links.map(({ id }) => id);
    const main = this.mainOf(view);
    const decision = this.policy.decide(now, {
      links,
      paths: pathsOf(view),
      room: view.subflowRoom,
      isMeteredBarred: view.isMeteredBarred,
      isBehindTarget: this.target?.look(now, progress.unsentBytes, main && targetPathOf(main)) ?? false,
    });
    this.main = decision.main;
    for (const action of decision.actions) perform(view, action, actions);
    if (this.isSole(view) && this.reception.look(now, progress.receivedBytes, this.mainOf(view))) {
      actions.push({ type: 'probe', subflow: this.mainOf(view)! });
    }
    this.setAlarm(view, decision.nextAt);
    return actions;
  }

  /** The first open subflow on the link that carries the data. */
  private mainOf({ paths, localAddresses }: PathView): Subflow | undefined {
    for (const { local, subflow } of paths) {
      if (subflow?.state !== 'active' || subflow.backup) continue;
      const address = localAddresses.find((known) => known.address.equals(local));
      if (address !== undefined && linkIdOf(address) === this.main) return subflow;
    }
    return undefined;
  }

  /** Whether one subflow alone is in use: with several the peer notices by itself when one brings nothing back. */
  private isSole({ paths }: PathView): boolean {
    let regular = 0;
    for (const { subflow } of paths) if (subflow?.state === 'active' && !subflow.isBackup) regular++;
    return regular <= 1;
  }

  /** Looks again soon while data moves, and as soon as it does while it does not. */
  private setAlarm({ now, progress }: PathView, policyAt: number): void {
    const movedBytes = progress.sentBytes + progress.receivedBytes;
    const isMoving = movedBytes !== this.movedBytes;
    this.movedBytes = movedBytes;
    this.wakesOnProgress = !isMoving;
    const lookAt = isMoving ? now + LOOK_INTERVAL_NS : NEVER;
    this.wakeAt = Math.min(policyAt, this.reception.nextAt, lookAt);
  }
}

function initialLinkOf({ paths, localAddresses }: PathView): LinkId | undefined {
  for (const { local, subflow } of paths) {
    if (subflow?.isInitial !== true) continue;
    const address = localAddresses.find((known) => known.address.equals(local));
    if (address !== undefined) return linkIdOf(address);
  }
  return undefined;
}

function targetPathOf(subflow: Subflow): TargetPath {
  const { tcp, bytesReceived } = subflow;
  return {
    ...{ id: subflow, srttNs: tcp.rtt.srttNs, windowBytes: tcp.cwndBytes },
    ...{ inFlightBytes: tcp.pushEnd - tcp.sndUna, receivedBytes: bytesReceived },
  };
}

/** Adds what `action` means here to `actions`. */
function perform(view: PathView, action: PolicyAction<PathName>, actions: PathAction[]): void {
  if (action.type === 'open') {
    const pair = pairOn(view, action.link);
    if (pair !== undefined) actions.push({ type: 'open', ...pair, backup: action.isBackup });
    return;
  }
  const subflow = action.path;
  if (typeof subflow === 'string') return;
  if (action.type === 'close') actions.push({ type: 'close', subflow, isLost: action.isLost });
  else actions.push({ type: 'set-backup', subflow, backup: action.isBackup });
}

/** Makes the path manager of a service type. */
export function servicePaths(type: ServiceType, options: ServiceTypeOptions = {}): PathManagerFactory {
  return () => new ServicePaths(type, options);
}

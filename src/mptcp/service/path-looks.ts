/**
 * What the policy is shown of this connection: links with the pairs of addresses that paths can be opened on, paths with a
 * look at each. Reads, and changes nothing.
 */
import {
  unknownLink,
  type LinkFacts,
  type LinkId,
  type PathSample,
  type PolicyLink,
  type PolicyPath,
} from '../../policy/index.js';
import type { LocalAddress, PathView, RemoteAddress } from '../path-manager/path-manager.js';
import { addressFrom, prefixesOf } from '../path-manager/reach.js';
import type { Subflow } from '../subflow.js';

/** What the policy knows a path by: the subflow, or the pair of addresses that the owner was asked to open one on. */
export type PathName = Subflow | string;

/** The link that an address is on; an address that its owner told no link of is one by itself. */
export function linkIdOf({ link, id }: LocalAddress): LinkId {
  return link?.id ?? -id;
}

/** What is known of that link. */
export function factsOf({ link }: LocalAddress): LinkFacts {
  return link?.facts ?? unknownLink;
}

/** A pair of addresses on which a path may be opened now. */
export interface OpenPair {
  readonly local: LocalAddress;
  readonly remote: RemoteAddress;
}

/** The pair that the next path of a link takes: of the link's first address that has one free; undefined when none has. */
export function pairOn(view: PathView, link: LinkId): OpenPair | undefined {
  const prefixes = prefixesOf(view.localAddresses);
  for (const local of view.localAddresses) {
    if (!local.subflow || linkIdOf(local) !== link) continue;
    for (const remote of view.remoteAddresses) {
      const address = addressFrom(local, remote.address, prefixes);
      if (address === undefined) continue;
      const isTaken = view.paths.some(
        (path) =>
          path.local.equals(local.address) &&
          path.remote.port === remote.port &&
          path.remote.address.equals(address),
      );
      if (!isTaken) return { local, remote: { ...remote, address } };
    }
  }
  return undefined;
}

/** The links of this host's addresses, in the order of the addresses. */
export function linksOf(view: PathView, initial: LinkId | undefined): PolicyLink[] {
  const links: PolicyLink[] = [];
  for (const local of view.localAddresses) {
    const id = linkIdOf(local);
    if (links.some((known) => known.id === id)) continue;
    links.push({
      id,
      facts: factsOf(local),
      mayOpen: pairOn(view, id) !== undefined,
      isInitial: id === initial,
      isSpare: local.backup,
    });
  }
  return links;
}

/** The paths that are open or being opened on addresses that this host has. */
export function pathsOf(view: PathView): PolicyPath<PathName>[] {
  const paths: PolicyPath<PathName>[] = [];
  for (const { local, remote, subflow, isAsked } of view.paths) {
    const address = view.localAddresses.find((known) => known.address.equals(local));
    if (address === undefined) continue;
    const link = linkIdOf(address);
    if (subflow === undefined) {
      if (!isAsked) continue;
      const id = `${local.toString()} ${remote.address.toString()} ${remote.port}`;
      paths.push({ id, link, isOpen: false, isBackup: false, sample: undefined });
    } else if (subflow.state !== 'closing' && subflow.state !== 'closed') {
      const isOpen = subflow.state === 'active';
      const sample = isOpen ? lookAt(subflow) : undefined;
      paths.push({ id: subflow, link, isOpen, isBackup: subflow.backup, sample });
    }
  }
  return paths;
}

function lookAt({ tcp, timeouts, isSuspect }: Subflow): PathSample {
  const { srttNs, rtoNs } = tcp.rtt;
  const { bytesSent, retransmittedBytes } = tcp.statistics;
  return { srttNs, rtoNs, timeouts, bytesSent, bytesRetransmitted: retransmittedBytes, isSilent: isSuspect };
}

/** What is missing on a machine for a second path to work, in sentences with the next step. Pure. */
import type { KernelEndpoint, KernelLimits } from '../../netlink/index.js';
import type { UplinkCandidate } from './uplinks.js';

/** What the advice is made from; endpoints are undefined where they may not be seen. */
export interface PathFacts {
  readonly candidates: readonly UplinkCandidate[];
  readonly endpoints: readonly KernelEndpoint[] | undefined;
  readonly limits: KernelLimits;
  readonly pathManager: string | undefined;
  /** Whether what is sent from an address of a way leaves by its link. */
  readonly isRouted: (candidate: UplinkCandidate, family: 4 | 6) => boolean;
}

/** The sentences; none where a second path works, as far as this machine knows. */
export function uplinkAdvice({ candidates, endpoints, limits, pathManager, isRouted }: PathFacts): string[] {
  const advice: string[] = [];
  const uplinks = candidates.filter(({ ways, lacks }) => ways.length > 0 && lacks === undefined);
  if (uplinks.length < 2) {
    const count =
      uplinks.length === 0 ? 'No interface is an uplink' : `${uplinks[0]!.link.name} is the only uplink`;
    advice.push(`${count}: a second path needs a second interface with an address and a default route.`);
  }
  for (const { link, lacks } of candidates) {
    if (lacks !== undefined && link.addresses.some(({ scope }) => scope === 'global'))
      advice.push(`${link.name} cannot be used: ${lacks}.`);
  }
  if (uplinks.length < 2) return advice;
  if (pathManager === 'userspace')
    advice.push(
      'The path manager of user space is in charge, so that endpoints do nothing: subflow paths auto.',
    );
  if (limits.subflows === 0) advice.push('The limit of subflows is 0: subflow paths limits subflows 8.');
  for (const candidate of uplinks) {
    for (const { family, address, isDefault } of candidate.ways) {
      const text = address.toString();
      const { name } = candidate.link;
      if (!isRouted(candidate, family))
        advice.push(
          `What is sent from ${text} does not leave by ${name}: ip route add default via ROUTER dev ${name} metric 1000; or subflow paths auto.`,
        );
      if (isDefault || endpoints === undefined || endpoints.some((one) => one.address === text)) continue;
      advice.push(
        `${name} has no endpoint: subflow paths add ${text} dev ${name} subflow; or subflow paths auto.`,
      );
    }
  }
  return advice;
}

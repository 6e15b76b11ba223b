/**
 * What the fuzzer feeds of balancers in the kernel's fast path: frames that the XDP program and the rules in TypeScript are both given, and
 * have to agree on. Needs the right to load programs; there are none of these targets without it.
 */
import { SECOND, SeededRandom } from '../../src/base/index.js';
import { mayUseXdp, xdpDesigns, type XdpDesign } from '../../src/linux/index.js';
import { drawPacket } from '../support/balancer-traffic.js';
import { pairServers, pairStart, XdpPair } from '../support/xdp-pair.js';
import type { FuzzTarget } from './target.js';

const SEEDS = 400;
/** Frames between two changes of servers. */
const ERA = 4096;
/** Larger than what is fed, so that no table makes room: each has its own way to. */
const settings = {
  maxFlows: 2 ** 16,
  maxNewFlows: 2 ** 16,
  maxTokens: 2 ** 16,
};
const lists = [[], [2], [2, 3], [5]] as const;

/** Packets of every kind that balancers are tested with. */
function drawSeeds(): Uint8Array[] {
  const random = new SeededRandom(77);
  const seeds: Uint8Array[] = [];
  while (seeds.length < SEEDS) {
    const packet = drawPacket(random);
    if (packet.length > 0) seeds.push(packet);
  }
  return seeds;
}

/**
 * The input's first byte says how many tags of VLANs the frame has, and which family the servers are of; the rest is the packet. Servers come and go as packets
 * pass, so that what is found on one packet may need those before it.
 */
function targetOf(design: XdpDesign): FuzzTarget {
  let pairs: Record<4 | 6, XdpPair> | undefined;
  let fed = 0;
  let now = pairStart;
  const start = (): Record<4 | 6, XdpPair> => ({
    4: new XdpPair(design, 4, pairServers(4, 8), settings),
    6: new XdpPair(design, 6, pairServers(6, 8), settings),
  });
  return {
    name: `xdp.${design}`,
    seeds: drawSeeds().map((packet, i) => Uint8Array.of(i, ...packet)),
    maxBytes: 1 + 400,
    packetsPerInput: 1,
    run: (input) => {
      if (input.length < 2) return undefined;
      pairs ??= start();
      const family = (input[0]! & 4) === 0 ? 4 : 6;
      if (++fed % ERA === 0) {
        now += SECOND;
        for (const each of [4, 6] as const)
          pairs[each].setServers(
            now,
            pairServers(each, 7 + ((fed / ERA) % 3), lists[(fed / ERA) % lists.length]),
          );
      }
      const tags = [0, 0, 0, 1, 2][(input[0]! >>> 3) & 31] ?? 0;
      return `${family} ${pairs[family].check(now, input.subarray(1), `frame ${fed}`, tags)}`;
    },
  };
}

export const xdpTargets: readonly FuzzTarget[] = mayUseXdp().available ? xdpDesigns.map(targetOf) : [];

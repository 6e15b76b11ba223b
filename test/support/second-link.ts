/** A second interface of the balancers' machine that the client reaches, for a second balancer there. */
import type { NetworkNamespace } from '../../src/linux/index.js';
import { sumInSoftware } from './sum-in-software.js';

/** Where clients' packets come in, and what a route of the client's over it is. */
export interface LabLink {
  readonly device: string;
  readonly via: string;
}

/** Adds it to a `RunLab`. What goes out by one link is answered by the other. */
export function addSecondLink(lab: { client: NetworkNamespace; middle: NetworkNamespace }): LabLink {
  const { client, middle } = lab;
  client.connectTo(middle, 'c9', 'b9');
  sumInSoftware(client, 'c9');
  client.ip('link set c9 mtu 1400', 'address add 10.1.9.2/24 dev c9');
  middle.ip('address add 10.1.9.1/24 dev b9');
  for (const name of ['all', 'c0', 'c9']) client.sysctl(`net.ipv4.conf.${name}.rp_filter`, 0);
  for (const name of ['all', 'b0', 'b9']) middle.sysctl(`net.ipv4.conf.${name}.rp_filter`, 0);
  return { device: 'b9', via: '10.1.9.1 dev c9' };
}

/** How a phone may use its links: plain TCP, and the service types of Multipath TCP. */

import { defaultMptcpSettings, type MptcpSettings, activeBackup } from '../../mptcp/index.js';

/** What a connection of the phone is asked to do. */
export interface PhoneVariant {
  /** What tables and figures call it. */
  readonly name: string;
  /** Settings of the phone's connections. */
  readonly client: MptcpSettings;
  /** Settings of the server's. */
  readonly server: MptcpSettings;
}

const server = defaultMptcpSettings;

/** In the order of tables. */
export const phoneVariants: readonly PhoneVariant[] = [
  { name: 'tcp', client: { ...defaultMptcpSettings, enabled: false }, server },
  { name: 'handover', client: { ...defaultMptcpSettings, pathManager: activeBackup }, server },
  { name: 'aggregate', client: defaultMptcpSettings, server },
];

/** The variant of that name. */
export function phoneVariantNamed(name: string): PhoneVariant {
  return phoneVariants.find((variant) => variant.name === name)!;
}

/** How a phone may use its links: the service types, of which `none` is plain TCP. */

import { defaultMptcpSettings, type MptcpSettings, settingsForServiceType } from '../../mptcp/index.js';
import { type ServiceType, serviceTypes } from '../../policy/index.js';

/** What a connection of the phone is asked to do. */
export interface PhoneVariant {
  readonly name: ServiceType;
  /** Settings of the phone's connections. */
  readonly client: MptcpSettings;
  /** Settings of the server's. */
  readonly server: MptcpSettings;
}

/** In the order of tables. */
export const phoneVariants: readonly PhoneVariant[] = serviceTypes.map((name) => {
  const settings = { ...defaultMptcpSettings, ...settingsForServiceType(name) };
  return { name, client: settings, server: name === 'none' ? defaultMptcpSettings : settings };
});

/** The variants of Multipath TCP. */
export const multipathVariants = phoneVariants.filter(({ name }) => name !== 'none');

/** The variant of that name. */
export function phoneVariantNamed(name: string): PhoneVariant {
  return phoneVariants.find((variant) => variant.name === name)!;
}

/**
 * The option `serviceType` and what goes with it: what a program wants of several paths, in one word. Held to its values here, for both
 * transports, before anything is opened.
 */
import { SubflowError } from '../base/index.js';
import { settingsForServiceType, type MptcpSettings, type ServiceTypeOptions } from '../mptcp/index.js';
import { serviceTypeNamed, type ServiceType } from '../policy/index.js';
import { argumentType } from './option-error.js';

/** The part of the options that says what is wanted of several paths. */
export interface ServiceTypeOption {
  /**
   * `none`: one path and plain TCP. `handover`: a second path only while the first is bad or gone. `interactive`: a second one that is
   * ready and takes over. `aggregate`: all at once. `targetBased`: the second for what would miss a target. Left out: what the host
   * or the kernel does by itself. The side that connects decides; a server takes all but `none` as left out.
   */
  readonly serviceType?: ServiceType;
  /** What differs from the defaults of `serviceType`. */
  readonly serviceOptions?: ServiceTypeOptions;
}

/** Throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_SUBFLOW_UNKNOWN_NAME` and `ERR_SUBFLOW_BAD_SETTING`. */
export function checkServiceType({ serviceType, serviceOptions }: ServiceTypeOption): void {
  if (serviceOptions !== undefined && (typeof serviceOptions !== 'object' || serviceOptions === null))
    throw argumentType('serviceOptions', 'an object');
  if (serviceType === undefined) {
    if (serviceOptions === undefined) return;
    throw new SubflowError('ERR_INVALID_ARG_VALUE', 'serviceOptions go with a serviceType', {
      hint: "As in connect({ serviceType: 'handover', serviceOptions: { metered: { capBytes: 1e6 } } }).",
    });
  }
  if (typeof serviceType !== 'string') throw argumentType('serviceType', 'a name');
  settingsForServiceType(serviceTypeNamed(serviceType), serviceOptions);
}

/** What the settings of a host become whose connections have a service type unless they choose another. Throws as {@link checkServiceType}. */
export function hostServiceFor(
  mptcp: MptcpSettings,
  service: ServiceTypeOption,
): { readonly mptcp?: MptcpSettings } {
  checkServiceType(service);
  const { serviceType, serviceOptions } = service;
  if (serviceType === undefined) return {};
  return { mptcp: { ...mptcp, ...settingsForServiceType(serviceType, serviceOptions) } };
}

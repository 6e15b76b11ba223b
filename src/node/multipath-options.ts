/**
 * What a program may ask of Multipath TCP for one socket: checked here for both transports, turned into settings of the
 * engine for the userspace one. What the kernel has per network namespace only is refused for its sockets, with the
 * way to have it.
 */
import { checkCongestionControl } from '../linux/index.js';
import {
  applyProfile,
  checkMptcpSettings,
  defaultMptcpSettings,
  pathManagerNamed,
  profileNamed,
  schedulerNamed,
  settingsForServiceType,
  type PathManagerFactory,
  type SchedulerFactory,
} from '../mptcp/index.js';
import { defaultStackSettings, type StackConnectOptions, type StackSettings } from '../stack/index.js';
import { congestionNamed, type CongestionFactory } from '../tcp/index.js';
import type { MptcpVersion } from '../wire/index.js';
import { checkKernelService } from './kernel-service/availability.js';
import type { Lack } from './kernel-origin.js';
import { argumentType, unsupported } from './option-error.js';
import { checkServiceType, type ServiceTypeOption } from './service-option.js';
import type { ChosenTransport } from './transport.js';

/** The choices of one socket, or of the sockets that a server accepts. What is left out is the host's. */
export interface MultipathOptions extends ServiceTypeOption {
  /**
   * Whether to speak Multipath TCP (RFC 6897 §5.3.1: TCP_MULTIPATH_ENABLE); false is plain TCP, userspace only. true demands it of this
   * machine: an error where neither kernel nor host has it, in place of plain TCP.
   */
  readonly multipath?: boolean;
  /**
   * Versions of Multipath TCP to speak, the preferred one first: 1 is RFC 8684, 0 is RFC 6824. The kernel transport
   * speaks 1 and no other.
   */
  readonly versions?: readonly MptcpVersion[];
  /** Known implementation to behave as, by name: `apple` (clients only) or `linux`; userspace only. */
  readonly profile?: string;
  /** Which subflow carries the next bytes, by name or as a factory; userspace only. */
  readonly scheduler?: string | SchedulerFactory;
  /** Which subflows there should be, by name or as a factory; userspace only. */
  readonly pathManager?: string | PathManagerFactory;
  /** Congestion control of every subflow, by name or, userspace only, as a factory. */
  readonly congestion?: string | CongestionFactory;
}

/** Throws unless every choice is one and can be had with `transport`. */
export function checkMultipathOptions(
  options: MultipathOptions,
  chosen: Pick<ChosenTransport, 'transport'> & { readonly lack?: Lack | undefined },
  role: 'client' | 'server',
): void {
  const { multipath, versions, profile, scheduler, pathManager, congestion } = options;
  if (multipath !== undefined && typeof multipath !== 'boolean') throw argumentType('multipath', 'a boolean');
  if (versions !== undefined && !Array.isArray(versions)) throw argumentType('versions', 'an array');
  if (profile !== undefined && typeof profile !== 'string') throw argumentType('profile', 'a string');
  for (const [name, value] of Object.entries({ scheduler, pathManager, congestion })) {
    if (value !== undefined && typeof value !== 'string' && typeof value !== 'function')
      throw argumentType(name, 'a name or a factory');
  }
  checkServiceType(options);
  if (chosen.transport === 'kernel') checkForKernel(options, role, chosen.lack);
  else mptcpSettingsFor(defaultStackSettings, options, role);
}

function checkForKernel(options: MultipathOptions, role: 'client' | 'server', lack: Lack | undefined): void {
  const { serviceType = 'none', multipath, versions, profile, scheduler, pathManager, congestion } = options;
  if (multipath === false)
    throw unsupported('sockets of plain TCP', 'Use node:net, or the userspace transport.');
  if (versions !== undefined) checkKernelVersions(versions);
  if (profile !== undefined)
    throw unsupported('a profile', 'Use the userspace transport: connect({ via: host, profile }).');
  if (scheduler !== undefined) {
    throw unsupported(
      'a scheduler for each socket',
      'Set it for the network namespace: sysctl -w net.mptcp.scheduler=NAME (net.mptcp.available_schedulers lists them).',
    );
  }
  if (pathManager !== undefined) {
    throw unsupported(
      'a path manager for each socket',
      'Set it for the network namespace: sysctl -w net.mptcp.path_manager=NAME, and ip mptcp endpoint for its addresses.',
    );
  }
  if (typeof congestion === 'function')
    throw unsupported('a congestion control that is a function', 'Name one that the kernel has.');
  if (congestion !== undefined) checkCongestionControl(kernelCongestionName(congestion));
  // Plain TCP in its place has one path, whatever that is for.
  if (role === 'client' && serviceType !== 'none' && lack === undefined) checkKernelService();
}

/** Linux speaks version 1 and no other: it will do where a list has that. */
function checkKernelVersions(versions: readonly MptcpVersion[]): void {
  checkMptcpSettings({ ...defaultMptcpSettings, versions });
  if (versions.includes(1)) return;
  throw unsupported(
    'version 0 of Multipath TCP',
    'Let the list have 1, or use the userspace transport: connect({ via: host, versions: [0] }).',
  );
}

/** What the kernel calls it. */
export function kernelCongestionName(name: string): string {
  return name === 'new-reno' ? 'reno' : name;
}

/** The settings of Multipath TCP and congestion control that differ from those of the host. */
export function mptcpSettingsFor(
  { mptcp }: Pick<StackSettings, 'mptcp'>,
  options: MultipathOptions,
  role: 'client' | 'server',
): Pick<StackConnectOptions, 'mptcp' | 'congestion'> {
  const { multipath, versions, profile, serviceType, scheduler, pathManager, congestion } = options;
  const choices = [multipath, versions, profile, serviceType, scheduler, pathManager];
  const isMptcpHosts = choices.every((choice) => choice === undefined);
  const base = profile === undefined ? mptcp : applyProfile(mptcp, profileNamed(profile), role);
  const chosenScheduler = typeof scheduler === 'string' ? schedulerNamed(scheduler) : scheduler;
  const chosenManager = typeof pathManager === 'string' ? pathManagerNamed(pathManager) : pathManager;
  const chosenCongestion = typeof congestion === 'string' ? congestionNamed(congestion) : congestion;
  const own = {
    ...base,
    ...(serviceType !== undefined && settingsForServiceType(serviceType, options.serviceOptions)),
    ...(multipath !== undefined && { enabled: multipath }),
    ...(versions !== undefined && { versions: [...versions] }),
    ...(chosenScheduler !== undefined && { scheduler: chosenScheduler }),
    ...(chosenManager !== undefined && { pathManager: chosenManager }),
  };
  checkMptcpSettings(own);
  return {
    ...(!isMptcpHosts && { mptcp: own }),
    ...(chosenCongestion !== undefined && { congestion: chosenCongestion }),
  };
}

/** Profiles: settings that make a connection behave as a known implementation does, by name. */
import { SubflowError, namedEntry, type NamedTable } from '../../base/index.js';
import type { MptcpSettings } from '../settings.js';
import { apple } from './apple.js';
import { linux } from './linux.js';

/** A way to behave. */
export interface Profile {
  /** Stable name, kebab-case. */
  readonly name: string;
  /** Whether it can only open connections. */
  readonly isClientOnly: boolean;
  /** The settings in which it differs from others. */
  readonly settings: Partial<MptcpSettings>;
}

/** The profiles by name. */
export const profiles: NamedTable<Profile> = Object.freeze({ apple, linux });

/** The profile called `name`. Throws `ERR_SUBFLOW_UNKNOWN_NAME`. */
export function profileNamed(name: string): Profile {
  return namedEntry('profile', profiles, name);
}

/** `base` as `profile` has it. Throws `ERR_SUBFLOW_CLIENT_ONLY` for a server where the profile has none. */
export function applyProfile(
  base: MptcpSettings,
  profile: Profile,
  role: 'client' | 'server',
): MptcpSettings {
  if (role === 'server' && profile.isClientOnly) {
    throw new SubflowError('ERR_SUBFLOW_CLIENT_ONLY', `the profile '${profile.name}' is for clients only`, {
      hint: 'Leave the profile out for servers, or take one that has both sides.',
    });
  }
  return { ...base, ...profile.settings };
}

/** What is said of a network namespace that a flag names and that cannot be looked into. */
import { EnvironmentError } from './errors.js';

/** The error for whoever named it; `why`: what the system said. */
export function namespaceError(name: string, why: string): EnvironmentError {
  return new EnvironmentError(
    `network namespace ${name}: ${why}`,
    '`ip netns` lists them by name; to look into one takes root',
  );
}

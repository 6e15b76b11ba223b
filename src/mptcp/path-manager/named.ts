import { namedEntry, type NamedTable } from '../../base/index.js';
import { activeBackup } from './active-backup.js';
import { bypass } from './bypass.js';
import { fullMesh } from './full-mesh.js';
import { linuxPaths } from './linux.js';
import { nPorts } from './n-ports.js';
import { passive } from './passive.js';
import type { PathManagerFactory } from './path-manager.js';
import { signal } from './signal.js';

/** The path managers by name. */
export const pathManagers: NamedTable<PathManagerFactory> = Object.freeze({
  'full-mesh': fullMesh,
  signal,
  'active-backup': activeBackup,
  bypass,
  'n-ports': nPorts,
  linux: linuxPaths,
  passive,
});

/** The path manager called `name`. Throws `ERR_SUBFLOW_UNKNOWN_NAME`. */
export function pathManagerNamed(name: string): PathManagerFactory {
  return namedEntry('path manager', pathManagers, name);
}

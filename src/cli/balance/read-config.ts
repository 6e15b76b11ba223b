/** A balancer's file, for commands that cannot begin without it. */

import type { BalanceConfig } from '../../balancer/index.js';
import { SubflowError } from '../../base/index.js';
import { loadBalancing } from '../../node/index.js';
import { UsageError } from '../errors.js';

/** Reads the file. Throws {@link UsageError} with all that is wrong with it, or with why it cannot be read. */
export async function readConfigOrExplain(file: string): Promise<BalanceConfig> {
  const { readConfig } = await loadBalancing();
  try {
    return await readConfig(file);
  } catch (error) {
    if (error instanceof SubflowError && error.code === 'ERR_SUBFLOW_BAD_CONFIG')
      throw new UsageError(error.message, error.hint);
    throw error;
  }
}

/** What is wrong with an option: its type, or that a transport does not have it. */
import { SubflowError } from '../base/index.js';

/** An argument of the wrong type, as Node reports it. */
export function argumentType(name: string, wanted: string): SubflowError {
  return new SubflowError('ERR_INVALID_ARG_TYPE', `${name} should be ${wanted}`);
}

/** What the kernel transport lacks, as an error with another way. */
export function unsupported(what: string, hint: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_UNSUPPORTED', `the kernel transport does not have ${what}`, { hint });
}

/** The documents, in the order of docs/conformance.md. */
import type { RequirementDocument } from './requirement.js';
import { rfc8684 } from './rfc8684.js';

export const documents: readonly RequirementDocument[] = [rfc8684];

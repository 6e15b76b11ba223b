/**
 * What was done to a machine and cannot be told from what others did: endpoints and limits. It stands in a file below /run before it is
 * done, so that whoever comes after a program that was killed knows what to take back. One program at a time has the file of a network
 * namespace: the lock goes with the process.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { SubflowError } from '../../base/index.js';
import { tryLock } from '../../linux/index.js';

/** Where the files stand, unless told otherwise. */
export const LEDGER_FOLDER = '/run/subflow';

/** An endpoint of ours; the ID is undefined while it is being made. */
export interface OwnEndpoint {
  readonly address: string;
  readonly interfaceIndex: number;
  id?: number | undefined;
}

/** The limit of subflows as it was found, and as we set it. */
export interface OwnLimit {
  readonly found: number;
  readonly set: number;
}

interface Content {
  endpoints: OwnEndpoint[];
  limit?: OwnLimit | undefined;
}

/** Entries that are believed of a file: the kernel has no more endpoints. */
const MAX_ENDPOINTS = 255;

export class Ledger {
  readonly endpoints: OwnEndpoint[] = [];
  limit: OwnLimit | undefined;
  private readonly path: string;
  private readonly lock: number;

  /**
   * Takes the file of the namespace called `name`; what is in it counts.
   * @throws SubflowError `ERR_SUBFLOW_BUSY` when another program has it; SystemError `EACCES` and the like where the folder cannot be written.
   */
  constructor(name: string, folder = LEDGER_FOLDER) {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    this.path = join(folder, `paths-${name}.json`);
    this.lock = openSync(join(folder, `paths-${name}.lock`), 'a', 0o600);
    if (!tryLock(this.lock)) {
      closeSync(this.lock);
      throw new SubflowError('ERR_SUBFLOW_BUSY', 'another program keeps the paths of this machine already', {
        hint: 'There can be one in a network namespace. End it, or let it be.',
      });
    }
    const { endpoints, limit } = readContent(this.path);
    this.endpoints.push(...endpoints);
    this.limit = limit;
  }

  /** Writes it down. */
  save(): void {
    const { endpoints, limit } = this;
    writeFileSync(`${this.path}.new`, JSON.stringify({ endpoints, limit }), { mode: 0o600 });
    renameSync(`${this.path}.new`, this.path);
  }

  /** Lets go of it; the file stays only where something in it is still to be taken back. */
  close(): void {
    if (this.endpoints.length > 0 || this.limit !== undefined) this.save();
    else rmSync(this.path, { force: true });
    closeSync(this.lock);
  }
}

/** What is in a file; nothing where there is none, or it makes no sense. */
function readContent(path: string): Content {
  if (!existsSync(path)) return { endpoints: [] };
  try {
    const read = JSON.parse(readFileSync(path, 'utf8')) as Partial<Content> | null;
    const endpoints = Array.isArray(read?.endpoints) ? read.endpoints.filter(isEndpoint) : [];
    const limit = read?.limit;
    const isSound = typeof limit?.found === 'number' && typeof limit.set === 'number';
    return { endpoints: endpoints.slice(0, MAX_ENDPOINTS), ...(isSound && { limit }) };
  } catch (error) {
    if (error instanceof SyntaxError) return { endpoints: [] };
    throw error;
  }
}

function isEndpoint(value: unknown): value is OwnEndpoint {
  if (typeof value !== 'object' || value === null) return false;
  const { address, interfaceIndex, id } = value as Record<string, unknown>;
  const hasId = id === undefined || typeof id === 'number';
  return typeof address === 'string' && typeof interfaceIndex === 'number' && hasId;
}

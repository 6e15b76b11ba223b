/** The file that a configuration stands in: read whole and within bounds, or refused with why. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { SubflowError } from '../../base/index.js';
import { messageOf } from '../net-error.js';
import { maxConfigLength, type ParsedConfig, problemText } from './config-text.js';

/** A character of UTF-8 has four bytes at most. */
const maxConfigBytes = 4 * maxConfigLength;

/**
 * Reads the file at `path` by `parse` (see parseConfigText).
 * @throws SubflowError `ERR_SUBFLOW_BAD_CONFIG` with all that is wrong with it, which `hint` goes with, or with why it cannot be read.
 */
export async function readConfigFile<T>(
  path: string,
  parse: (text: string) => ParsedConfig<T>,
  hint: string,
): Promise<T> {
  let text: string;
  try {
    text = await readBoundedText(path);
  } catch (cause) {
    throw new SubflowError('ERR_SUBFLOW_BAD_CONFIG', `${path} cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  }
  const result = parse(text);
  if (result.ok) return result.config;
  throw new SubflowError('ERR_SUBFLOW_BAD_CONFIG', problemText(path, result.problems), { hint });
}

/** The text of a file that is not too long for a configuration. Throws, in words, what is none, is too long, or cannot be read. */
export async function readBoundedText(path: string): Promise<string> {
  // A pipe that nobody writes to would be waited for.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await handle.stat();
    // A pipe may never end, and is another one when it is read again.
    if (!found.isFile()) throw new Error('it is no file');
    if (found.size > maxConfigBytes) throw new Error('it is too long');
    // It may have grown since, or be one that has no length (/proc).
    const bytes = Buffer.alloc(maxConfigBytes + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = (await handle.read(bytes, length, bytes.length - length)).bytesRead;
    if (length > maxConfigBytes) throw new Error('it is too long');
    return decoded(bytes.subarray(0, length));
  } finally {
    await handle.close();
  }
}

/** The text of bytes. RFC 8259 §8.1: JSON that is exchanged is UTF-8. */
function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error('it is not UTF-8');
  }
}

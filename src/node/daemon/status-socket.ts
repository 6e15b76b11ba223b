/**
 * The socket that tells the state of a command that goes on: whoever connects gets one line of JSON. For the user alone that the command
 * runs as. And the other end of it, which asks.
 */
import { once } from 'node:events';
import { chmod, lstat, unlink } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { SubflowError } from '../../base/index.js';
import { messageOf } from '../net-error.js';
import { makeFolder } from './make-folder.js';

/** Connections at a time; further ones are closed at once. */
export const maxStatusConnections = 16;
const answerTimeoutMs = 5000;
/** Most bytes of an answer. */
const maxAnswerBytes = 16 << 20;

/** A socket at work. */
export interface StatusSocket {
  close(): Promise<void>;
}

/** What the errors call the one that answers, and what they advise. */
export interface StatusWords {
  /** As in `balancer`. */
  readonly noun: string;
  /** What to do where the place is taken, or cannot be had. */
  readonly placeHint: string;
  /** What to do where nobody answers. */
  readonly askHint: string;
  /** Code of the error for that. */
  readonly noAnswerCode: string;
}

/**
 * Listens at `path`, which is removed when it is closed; one that a process left behind that is gone is taken over.
 * @throws SubflowError `ERR_SUBFLOW_BUSY` when somebody answers there; `ERR_SUBFLOW_BAD_SOCKET` for a place that cannot be had, and one
 * that something else than a socket has, which is left alone.
 */
export async function serveStatusAt(
  path: string,
  status: () => Promise<unknown>,
  { noun, placeHint }: StatusWords,
): Promise<StatusSocket> {
  if (await isAnswering(path)) {
    throw new SubflowError('ERR_SUBFLOW_BUSY', `a ${noun} answers at ${path} already`, { hint: placeHint });
  }
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setTimeout(answerTimeoutMs, () => socket.destroy());
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    // An unfinished answer of a process that ends is no answer.
    status().then(
      (value) => socket.end(`${JSON.stringify(value)}\n`),
      () => socket.destroy(),
    );
  });
  server.maxConnections = maxStatusConnections;
  try {
    await makeRoom(path);
    await listen(server, path);
  } catch (cause) {
    throw new SubflowError('ERR_SUBFLOW_BAD_SOCKET', `no socket at ${path}: ${messageOf(cause)}`, {
      cause,
      hint: placeHint,
    });
  }
  return {
    async close() {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/**
 * Asks whoever is at `path`: the text of its answer.
 * @throws SubflowError with the code of `words` when nobody answers.
 */
export async function askStatusAt(path: string, words: StatusWords): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    if (path === '') throw new Error('that is no path');
    const socket = createConnection({ path });
    socket.setTimeout(answerTimeoutMs, () => socket.destroy(new Error('it does not answer')));
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxAnswerBytes) throw new Error('its answer has no end');
      chunks.push(chunk);
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const hint = code === 'EACCES' ? 'Ask as the user that it runs as.' : words.askHint;
    throw new SubflowError(words.noAnswerCode, `no ${words.noun} answers at ${path}: ${message}`, {
      cause,
      hint,
    });
  }
  return Buffer.concat(chunks).toString();
}

/** Makes the folder of a socket, and takes away one that a process left behind. */
async function makeRoom(path: string): Promise<void> {
  await makeFolder(dirname(path), 0o755);
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error('what has this name is no socket');
  await unlink(path);
}

async function listen(server: Server, path: string): Promise<void> {
  const listening = once(server, 'listening');
  // Nobody else may connect, not even before the next line is reached. The socket is made within the call.
  const mask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(mask);
  }
  await listening;
  await chmod(path, 0o600);
}

async function isAnswering(path: string): Promise<boolean> {
  // As an object: a name of digits would be a port.
  const socket = createConnection({ path });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

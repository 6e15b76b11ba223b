/**
 * The check `http`: a GET is answered with a status that means health, and the answer ends or has {@link maxBodyBytes}. Redirections are
 * not followed.
 *
 * Read first: RFC 9110 §15, RFC 9112 §3.2 on the Host field.
 */
import { request, type IncomingMessage } from 'node:http';
import type { HealthCheck, HealthCheckConfig, Server } from '../../../balancer/index.js';
import type { NetworkNamespace } from '../../../linux/index.js';
import { runAttempt, type Attempt } from './attempt.js';
import { connectTo } from './connection.js';

/** Bytes of an answer's content that are read; a longer one is cut off and counts as read. */
export const maxBodyBytes = 65_536;
/** Bytes of all fields of an answer; with more it is no answer. */
const maxHeaderBytes = 16_384;

/** Makes it. */
export function httpCheck(config: HealthCheckConfig, namespace: NetworkNamespace | undefined): HealthCheck {
  return {
    attempt: (server, signal) =>
      runAttempt({ timeoutMs: config.timeoutMs, signal }, (attempt) =>
        ask(attempt, config, server, namespace),
      ),
  };
}

function ask(
  attempt: Attempt,
  config: HealthCheckConfig,
  server: Server,
  namespace: NetworkNamespace | undefined,
): void {
  const { port, path = '/' } = config;
  const socket = connectTo(server, port, namespace);
  attempt.onEnd(() => socket.destroy());
  socket.on('connect', () => (attempt.phase = 'waiting for the answer'));
  const asked = request({
    method: 'GET',
    path,
    headers: {
      host: config.host ?? hostOf(server, port),
      'user-agent': 'subflow-health',
      connection: 'close',
    },
    maxHeaderSize: maxHeaderBytes,
    createConnection: () => socket,
  });
  asked.on('error', (error) => attempt.fail(describe(error)));
  asked.on('response', (response) => judge(attempt, config, response));
  attempt.onEnd(() => asked.destroy());
  asked.end();
}

function judge(attempt: Attempt, { statuses }: HealthCheckConfig, response: IncomingMessage): void {
  const status = response.statusCode ?? 0;
  if (!(statuses?.includes(status) ?? (status >= 200 && status <= 399))) {
    attempt.fail(`status ${status}`);
    return;
  }
  attempt.phase = 'reading the answer';
  let readBytes = 0;
  response.on('error', (error) => attempt.fail(describe(error)));
  response.on('aborted', () => attempt.fail('the connection broke off within the answer'));
  response.on('data', (bytes: Buffer) => {
    readBytes += bytes.length;
    if (readBytes >= maxBodyBytes) attempt.succeed();
  });
  response.on('end', () => attempt.succeed());
}

function hostOf({ address }: Server, port: number): string {
  const text = address.toString();
  return `${address.family === 6 ? `[${text}]` : text}:${port}`;
}

/** Node's parser has codes of its own for what is no HTTP. */
function describe(error: NodeJS.ErrnoException): string {
  return error.code?.startsWith('HPE_') === true ? `the answer is no HTTP: ${error.message}` : error.message;
}

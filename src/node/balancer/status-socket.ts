/** The socket that tells the state of a running balancer, and the other end of it: node/daemon/status-socket.ts in a balancer's words. */
import { type BalanceStatus, statusSchema } from '../../balancer/index.js';
import { SubflowError } from '../../base/index.js';
import { askStatusAt, serveStatusAt, type StatusSocket, type StatusWords } from '../daemon/status-socket.js';

const words: StatusWords = {
  noun: 'balancer',
  placeHint: 'Give another place as "status": { "socket" }.',
  askHint: 'Is it running? Its configuration says where under "status"; give that by --socket.',
  noAnswerCode: 'ERR_SUBFLOW_NO_BALANCER',
};

/** Has the balancer answer at `path`. Throws as {@link serveStatusAt}. */
export function serveStatus(path: string, status: () => Promise<BalanceStatus>): Promise<StatusSocket> {
  return serveStatusAt(path, status, words);
}

/**
 * Asks the balancer at `path`.
 * @throws SubflowError `ERR_SUBFLOW_NO_BALANCER` when none answers; `ERR_SUBFLOW_BAD_STATUS` for an answer that is none.
 */
export async function askStatus(path: string): Promise<BalanceStatus> {
  const text = await askStatusAt(path, words);
  try {
    const status = JSON.parse(text) as BalanceStatus;
    if ((status.schema as string) === statusSchema) return status;
  } catch {
    // What is no JSON is no status either.
  }
  throw new SubflowError('ERR_SUBFLOW_BAD_STATUS', `what answers at ${path} is no balancer of this kind`);
}

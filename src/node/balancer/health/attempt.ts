/**
 * One attempt of a health check: it ends with its answer, when its time is over, or when nobody wants it any more, whatever comes
 * first; and then lets go of all that it opened. Knows nothing of protocols.
 */
import { maxWhyLength, type AbortSignalLike, type HealthOutcome } from '../../../balancer/index.js';
import { messageOf } from '../../net-error.js';

/** What an attempt has to do with. */
export interface Attempt {
  /** What it is waiting for now, for the sentence of one that ran out of time: `connecting`. */
  phase: string | (() => string);
  /** Whether it has ended: what comes in later is of no interest. */
  readonly isOver: boolean;
  /** The server does well. */
  succeed(): void;
  /** The server does not, and why. */
  fail(why: string): void;
  /** Has `release` called when the attempt ends; at once when it has. */
  onEnd(release: () => void): void;
}

/** How long an attempt may take, and who may end it. */
export interface AttemptBounds {
  readonly timeoutMs: number;
  readonly signal: AbortSignalLike;
}

/** Runs an attempt that `begin` starts. Never rejects: what `begin` throws is an outcome too. */
export function runAttempt(
  { timeoutMs, signal }: AttemptBounds,
  begin: (attempt: Attempt) => void,
): Promise<HealthOutcome> {
  return new Promise((resolve) => {
    const startedAt = process.hrtime.bigint();
    const releases: (() => void)[] = [];
    let isOver = false;
    const end = (outcome: () => HealthOutcome): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      const result = outcome();
      for (const release of releases.splice(0).reverse()) release();
      resolve(result);
    };
    const attempt: Attempt = {
      phase: 'connecting',
      get isOver() {
        return isOver;
      },
      succeed: () => end(() => ({ healthy: true, rttMs: Number(process.hrtime.bigint() - startedAt) / 1e6 })),
      fail: (why) => end(() => ({ healthy: false, why: oneLine(why) })),
      onEnd: (release) => {
        if (isOver) release();
        else releases.push(release);
      },
    };
    const abort = (): void => attempt.fail('the check was called off');
    const timer = setTimeout(
      () => attempt.fail(`no answer within ${timeoutMs} ms (${phaseOf(attempt)})`),
      timeoutMs,
    );
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) {
      abort();
      return;
    }
    try {
      begin(attempt);
    } catch (error) {
      attempt.fail(messageOf(error));
    }
  });
}

function phaseOf({ phase }: Attempt): string {
  return typeof phase === 'string' ? phase : phase();
}

/** Servers have a say in these sentences: no control characters, no more than there is room for. */
function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, maxWhyLength);
}

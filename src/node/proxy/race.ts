/**
 * Several ways to one connection: the next attempt begins when one fails, or has not come to an end for a while, and those before go on.
 * The first that is there is the connection. Read first: RFC 8305 §5.
 */
import { codeOf, errorOf } from '../net-error.js';

/** One way: rejects, with nothing left open, where the signal is aborted. */
export type Attempt<T> = (signal: AbortSignal) => Promise<T>;

/** How a race is run. */
export interface RaceRules<T> {
  /** Time between the beginnings of two attempts, in ms. */
  readonly headStartMs: number;
  /** Whether an error ends it all, for no other way would change it. Default: none does. */
  readonly isFinal?: (error: Error) => boolean;
  /** Ends a connection that came too late. */
  readonly discard: (late: T) => void;
}

/** Errors that say less than any other: they are of this host, not of a server. */
const weak = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EHOSTUNREACH']);

/**
 * Races `attempts`, at least one, in their order. Rejects with the error that says most, or with the reason of `signal`; nothing is left
 * open then.
 */
export function race<T>(
  attempts: readonly Attempt<T>[],
  signal: AbortSignal,
  rules: RaceRules<T>,
): Promise<T> {
  // Nothing to be begun beside it, or ended for it.
  return attempts.length === 1 ? attempts[0]!(signal) : new Race(attempts, signal, rules).run();
}

class Race<T> {
  private readonly attempts: readonly Attempt<T>[];
  private readonly signal: AbortSignal;
  private readonly rules: RaceRules<T>;
  private readonly running = new Set<AbortController>();
  private readonly errors: Error[] = [];
  private next = 0;
  private timer: NodeJS.Timeout | undefined = undefined;
  private isOver = false;
  private resolve: (winner: T) => void = () => undefined;
  private reject: (error: Error) => void = () => undefined;

  constructor(attempts: readonly Attempt<T>[], signal: AbortSignal, rules: RaceRules<T>) {
    this.attempts = attempts;
    this.signal = signal;
    this.rules = rules;
  }

  run(): Promise<T> {
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
      if (this.signal.aborted) {
        this.abort();
        return;
      }
      this.signal.addEventListener('abort', this.abort);
      this.begin();
    });
  }

  private readonly abort = (): void => {
    this.finish();
    this.reject(errorOf(this.signal.reason));
  };

  private begin(): void {
    clearTimeout(this.timer);
    const attempt = this.attempts[this.next++]!;
    const controller = new AbortController();
    this.running.add(controller);
    if (this.next < this.attempts.length) this.timer = setTimeout(() => this.begin(), this.rules.headStartMs);
    attempt(controller.signal).then(
      (connection) => this.win(controller, connection),
      (error: unknown) => this.fail(controller, errorOf(error)),
    );
  }

  private win(controller: AbortController, connection: T): void {
    if (this.isOver) {
      this.rules.discard(connection);
      return;
    }
    this.running.delete(controller);
    this.finish();
    this.resolve(connection);
  }

  private fail(controller: AbortController, error: Error): void {
    if (this.isOver) return;
    this.running.delete(controller);
    this.errors.push(error);
    const isFinal = this.rules.isFinal?.(error) === true;
    if (!isFinal && this.next < this.attempts.length) this.begin();
    else if (isFinal || this.running.size === 0) {
      this.finish();
      this.reject(isFinal ? error : strongest(this.errors));
    }
  }

  private finish(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    this.signal.removeEventListener('abort', this.abort);
    for (const controller of this.running) controller.abort(new Error('another was there before'));
    this.running.clear();
  }
}

function strongest(errors: readonly Error[]): Error {
  return errors.findLast((error) => !weak.has(codeOf(error) ?? '')) ?? errors[0]!;
}

/** The scope of a worker, as far as ours use it: the types of a page and those of a worker cannot be had together. */

export interface WorkerScope<Request, Reply> {
  onmessage: ((event: MessageEvent<Request>) => void) | null;
  postMessage(message: Reply, transfer?: Transferable[]): void;
}

/** This worker's scope, with the messages that it takes and gives. */
export function workerScope<Request, Reply>(): WorkerScope<Request, Reply> {
  return globalThis as unknown as WorkerScope<Request, Reply>;
}

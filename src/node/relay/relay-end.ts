/**
 * One side of a relay, as the relay sees it: a connection that gives bytes as they come, takes bytes as long as it has room,
 * and ends or resets. Two kinds: sockets of `net`, plain or Multipath TCP (socket-end.ts), and any other stream
 * (stream-end.ts).
 */
/** Most bytes that a relay holds of one direction of one connection. */
export const MAX_HELD_BYTES = 65_536;

/** What one side tells. */
export interface RelayEndListener {
  /** Bytes came; the view is good during the call only. False: no more until {@link RelayEnd.resume}. */
  onBytes(bytes: Uint8Array): boolean;
  /** The peer sends no more. */
  onEnd(): void;
  /** What was held is gone. */
  onRoom(): void;
  /** It is over; `error` where it did not end in good order. Called once, last. */
  onClose(error: NodeJS.ErrnoException | undefined): void;
}

/** One side of a relay. */
export interface RelayEnd {
  /** Bytes that were written and that the connection has not taken. */
  readonly heldBytes: number;
  /** Who is told from now on; before there is anybody, nothing is read. */
  listen(listener: RelayEndListener): void;
  /** Takes bytes, which may change after the call; false: some are held, and no more should come before `onRoom`. */
  write(bytes: Uint8Array): boolean;
  resume(): void;
  /** Sends no more after what was written. */
  end(): void;
  /** Ends the connection at once, with a reset. */
  reset(): void;
  /**
   * Has whatever comes go straight to `other`, out of sight: only how many bytes they are is told, until the end, a failure or
   * `onBytes` again. False where that cannot be, or not now. To be called when nothing is being read from here.
   */
  pourInto?(other: RelayEnd, onPoured: (bytes: number) => void): boolean;
}

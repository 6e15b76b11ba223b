/** What one side of a relay tells the other, or whoever talks to it before there is a relay. */

/** Most bytes that a relay holds in this process of one direction of one connection; what is in a pipe is the kernel's (pour.ts). */
export const MAX_HELD_BYTES = 65_536;

/** Told what happens at one side. */
export interface RelayEndListener {
  /** Bytes came; the view is good during the call only. False: no more until it is told to go on. */
  onBytes(bytes: Uint8Array): boolean;
  /** The peer sends no more. */
  onEnd(): void;
  /** What was held is gone. */
  onRoom(): void;
  /** It is over; `error` where it did not end in good order. Called once, last. */
  onClose(error: NodeJS.ErrnoException | undefined): void;
}

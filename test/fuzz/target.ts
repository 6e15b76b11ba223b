/** What the fuzzer can feed. */
export interface FuzzTarget {
  /** `layer.what`, also the name of its folder in the corpus. */
  readonly name: string;
  /** Well-formed inputs to begin with. */
  readonly seeds: readonly Uint8Array[];
  /** Longest input that mutations may make, in bytes. */
  readonly maxBytes: number;
  /** Packets that one input stands for; 1 for a parser. The number of runs asked for counts packets. */
  readonly packetsPerInput: number;
  /**
   * Feeds one input. A throw is a finding. What comes back tells inputs apart that took different ways: one with a
   * new outcome is mutated further. Undefined where nothing is to be learned.
   */
  readonly run: (input: Uint8Array) => string | undefined;
}

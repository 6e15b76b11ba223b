/** How much a reader takes on trust from a file. Each bounds memory against corrupt and hostile lengths. */
export interface CaptureLimits {
  /** Largest packet, in bytes as captured. libpcap and Wireshark refuse more than 262,144 too. */
  readonly maxPacketBytes: number;
  /** Largest pcapng block that is looked into, in bytes. Blocks that are skipped may have any size. */
  readonly maxBlockBytes: number;
  /** Most interfaces in a file, all its sections together. */
  readonly maxInterfaces: number;
  /** Longest name or description kept of an interface, in bytes. */
  readonly maxNameBytes: number;
}

export const defaultCaptureLimits: CaptureLimits = {
  maxPacketBytes: 262_144,
  maxBlockBytes: 1_048_576,
  maxInterfaces: 4096,
  maxNameBytes: 1024,
};

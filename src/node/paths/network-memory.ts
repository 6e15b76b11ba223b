/**
 * When the kernel is to forget that Multipath TCP got lost: it then begins connections as plain TCP for an hour, and twice as long after
 * each time (net.mptcp.blackhole_timeout), wherever it is by then. In a network that is new, what another one did says nothing.
 */
export class NetworkMemory {
  /** The network that was told of last, and how often Multipath TCP had got lost by then; undefined before. */
  private last: { readonly network: string; readonly losses: number } | undefined;

  /**
   * Takes in which network default routes lead into, in any words that differ for others, and how often Multipath TCP got lost up to now.
   * Returns whether the network is another one than before and it got lost in the one before.
   */
  isForgivenIn(network: string, losses: number): boolean {
    const before = this.last;
    if (before?.network === network) return false;
    this.last = { network, losses };
    return before !== undefined && losses > before.losses;
  }
}

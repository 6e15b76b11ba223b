/**
 * What a host remembers of the peers it connects to, by address: so far the version of Multipath TCP that they answered
 * with. A fact is believed for a while and then asked for anew; the peer that was used least recently goes first when
 * there are too many. Knows nothing of cookies (`fast-open-cache.ts`) nor of paths.
 * Read first: RFC 8684 §3.1 (a server that answers with a lower version).
 */
import type { FallbackEvent } from '../mptcp/index.js';
import type { IpAddress, MptcpVersion } from '../wire/index.js';

/** What is known of one peer. */
interface PeerFacts {
  /** Version of Multipath TCP to ask it for. */
  version: MptcpVersion;
  /** When that stops being believed, in ns. */
  believedUntil: number;
}

export class PeerMemory {
  /** Least recently used first. */
  private readonly peers = new Map<string, PeerFacts>();
  private readonly maxPeers: number;
  private readonly lifeNs: number;

  /** Holds at most `maxPeers` peers, each fact for `lifeNs`; 0 of either remembers nothing. */
  constructor(maxPeers: number, lifeNs: number) {
    this.maxPeers = maxPeers;
    this.lifeNs = lifeNs;
  }

  /** How many peers are remembered, those whose facts are too old and were not asked for since included. */
  get size(): number {
    return this.peers.size;
  }

  /** The version that the peer at `address` answered with; undefined when nothing is known, or no longer. */
  versionOf(now: number, address: IpAddress): MptcpVersion | undefined {
    const name = address.toString();
    const facts = this.peers.get(name);
    if (facts === undefined) return undefined;
    this.peers.delete(name);
    if (now >= facts.believedUntil) return undefined;
    this.peers.set(name, facts);
    return facts.version;
  }

  /** The peer at `address` answered with `version`. */
  noteVersion(now: number, address: IpAddress, version: MptcpVersion): void {
    if (this.maxPeers < 1 || this.lifeNs <= 0) return;
    const name = address.toString();
    this.peers.delete(name);
    for (const oldest of this.peers.keys()) {
      if (this.peers.size < this.maxPeers) break;
      this.peers.delete(oldest);
    }
    this.peers.set(name, { version, believedUntil: now + this.lifeNs });
  }

  /** Which of `versions` to ask the peer at `address` for: what it answered with the last time, or the preferred one. */
  versionToAsk(now: number, address: IpAddress, versions: readonly MptcpVersion[]): MptcpVersion {
    const known = this.versionOf(now, address);
    return known !== undefined && versions.includes(known) ? known : versions[0]!;
  }

  /** A connection to the peer at `address` fell back: another version may do, or none that is known of. */
  noteFallback(now: number, address: IpAddress, event: FallbackEvent): void {
    if (event.nextVersion !== undefined) this.noteVersion(now, address, event.nextVersion);
    else if (event.cause === 'no-capable-in-syn-ack') this.forgetVersion(address);
  }

  /** What was known of the version of the peer at `address` turned out to be wrong. */
  forgetVersion(address: IpAddress): void {
    this.peers.delete(address.toString());
  }
}

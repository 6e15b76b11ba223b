/** What the handshake of a join has shown so far (RFC 8684 §3.2). */
export interface JoinHandshake {
  /** Token and random number of the SYN; null when it was not captured. */
  token: number | null;
  openerNonce: number | null;
  /** Random number and proof of the SYN+ACK. */
  otherNonce: number | null;
  otherProof: Uint8Array | null;
  /** Proof of the third packet. */
  openerProof: Uint8Array | null;
  /** Address IDs that the two ends stated. */
  openerId: number | null;
  otherId: number | null;
}

/** A join of which nothing is known yet. */
export function newJoin(): JoinHandshake {
  return {
    token: null,
    openerNonce: null,
    otherNonce: null,
    otherProof: null,
    openerProof: null,
    openerId: null,
    otherId: null,
  };
}

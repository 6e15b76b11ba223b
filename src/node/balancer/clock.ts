/** The clock that all parts of a running balancer go by. */

/** ns since 1970, without the steps that a clock that is set makes. */
export function nowNs(): number {
  return (performance.timeOrigin + performance.now()) * 1e6;
}

/** Listeners by port and address. */
import type { IpAddress } from '../wire/index.js';
import type { Listener } from './listener.js';

export class ListenerTable {
  private readonly byPort = new Map<number, Listener[]>();

  /** Whether a listener on this address (undefined: all of them) would stand in the way of one there already. */
  isTaken(address: IpAddress | undefined, port: number): boolean {
    const listeners = this.byPort.get(port);
    if (listeners === undefined) return false;
    return listeners.some(
      (other) => address === undefined || other.address === undefined || other.address.equals(address),
    );
  }

  /** Every listener. */
  get all(): Listener[] {
    return [...this.byPort.values()].flat();
  }

  add(listener: Listener): void {
    const listeners = this.byPort.get(listener.port);
    if (listeners === undefined) this.byPort.set(listener.port, [listener]);
    else listeners.push(listener);
  }

  remove(listener: Listener): void {
    const left = (this.byPort.get(listener.port) ?? []).filter((other) => other !== listener);
    if (left.length === 0) this.byPort.delete(listener.port);
    else this.byPort.set(listener.port, left);
  }

  /** Who takes a SYN for this address and port. */
  find(address: IpAddress, port: number): Listener | undefined {
    const listeners = this.byPort.get(port);
    if (listeners === undefined) return undefined;
    for (const listener of listeners) {
      if (listener.address === undefined || listener.address.equals(address)) return listener;
    }
    return undefined;
  }
}

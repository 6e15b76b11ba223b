/** The host under test as the runner drives it: packets, an application, time. */
import type { Captured } from './conversation.js';
import type { Setting } from './script.js';

/** Something that the application was told. */
export interface TargetEvent {
  readonly timeNs: number;
  readonly name: string;
  /** A code, a cause or a reason, where there is one. */
  readonly detail: string | undefined;
}

/** A call of the application that failed, and why: a failure of the script's expectations, not of the runner. */
export class CallError extends Error {}

export interface Target {
  readonly kind: 'ours' | 'linux';
  /** Time since the script began, in ns. */
  readonly nowNs: number;
  /** How much earlier and later than a script says a packet may come, in ns. */
  readonly earlyNs: number;
  readonly lateNs: number;
  /** Packets of the host that the script has not come to, oldest first. */
  readonly packets: Captured[];
  /** What the application was told and the script has not asked for, oldest first. */
  readonly events: TargetEvent[];
  /** Lets time pass up to `timeNs`, or until `stop` says so. */
  waitUntil(timeNs: number, stop: () => boolean): Promise<void>;
  /** A packet arrives at the interface of the host's address with this number, 1 for the first. */
  inject(bytes: Uint8Array, hostNumber: number): void;
  /** Makes the application do something. Throws CallError when that cannot be done. */
  call(name: string, args: readonly string[]): void;
  /** Everything that the application can read now. */
  read(): Uint8Array;
  close(): void;
}

/** Typed access to the settings of a script. */
export class Settings {
  private readonly values: ReadonlyMap<string, Setting>;

  constructor(values: ReadonlyMap<string, Setting>) {
    this.values = values;
  }

  text(name: string, otherwise: string): string {
    return this.values.get(name)?.value ?? otherwise;
  }

  number(name: string, otherwise: number): number {
    const value = this.values.get(name)?.value;
    return value === undefined ? otherwise : Number(value);
  }

  isOn(name: string, otherwise: boolean): boolean {
    const value = this.values.get(name)?.value;
    return value === undefined ? otherwise : value === 'on';
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  get names(): Iterable<string> {
    return this.values.keys();
  }
}

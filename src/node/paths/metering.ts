/**
 * What goes over the uplinks that a keeper looks after, from the counters of their interfaces: for each of them, and of those that cost
 * money all together against what may go over them. Pure: counters in, figures out.
 */
import type { InterfaceBytes } from '../../linux/index.js';
import { checkMeteredLimit, MeteredAccount, type MeteredLimit } from '../../policy/index.js';
import { UplinkMeter, type UplinkUse } from './uplink-use.js';

/** An interface, and whether its bytes cost money now. */
export interface MeteredName {
  readonly name: string;
  readonly isMetered: boolean;
}

export class Metering {
  private readonly meter = new UplinkMeter();
  private account: MeteredAccount;
  private wasExhausted = false;

  /** Throws `ERR_SUBFLOW_BAD_SETTING` for what is no limit. */
  constructor(limit: MeteredLimit | undefined) {
    this.account = accountOf(limit);
  }

  /** Has another limit hold; what was counted counts on. Throws as the constructor. */
  setLimit(limit: MeteredLimit | undefined): void {
    const { usedBytes } = this;
    this.account = accountOf(limit);
    this.account.usedBytes = usedBytes;
  }

  /** Takes what the counters show at `nowMs`; whether what may go over metered ones has gone with that, and had not before. */
  look(
    nowMs: number,
    counters: ReadonlyMap<string, InterfaceBytes>,
    interfaces: readonly MeteredName[],
  ): boolean {
    const names = new Set(interfaces.map(({ name }) => name));
    this.meter.look(nowMs, new Map([...counters].filter(([name]) => names.has(name))));
    for (const { name, isMetered } of interfaces)
      if (isMetered) this.account.usedBytes += this.meter.grownBytes(name);
    const { isExhausted } = this;
    const isNews = isExhausted && !this.wasExhausted;
    this.wasExhausted = isExhausted;
    return isNews;
  }

  /** What went over one interface since it was seen first. */
  useOf(name: string): UplinkUse {
    return this.meter.useOf(name);
  }

  /** Bytes that went over metered ones. */
  get usedBytes(): number {
    return this.account.usedBytes;
  }

  /** Bytes that may still; Infinity without a cap. */
  get leftBytes(): number {
    return this.account.leftBytes;
  }

  /** Whether nothing may go over metered ones any more. */
  get isExhausted(): boolean {
    return this.account.isExhausted;
  }
}

/** Links that are forbidden are not used at all, so that nothing is left to be counted against. */
function accountOf(limit: MeteredLimit | undefined): MeteredAccount {
  if (limit !== undefined) checkMeteredLimit(limit);
  return new MeteredAccount(limit === 'forbid' ? undefined : limit);
}

/**
 * The kernel's protocol counters, from the text of /proc/net/netstat and /proc/net/snmp. Knows their form, not where
 * they come from. Counters are named as nstat(8) does: the group and the name run together, as in `MPTcpExtMPJoinSynRx`.
 */

/** What the kernel counted since the namespace was made. */
export class MibCounters {
  private readonly values: ReadonlyMap<string, number>;

  constructor(values: ReadonlyMap<string, number>) {
    this.values = values;
  }

  /** The value of a counter; 0 for one that this kernel does not have. */
  get(name: string): number {
    return this.values.get(name) ?? 0;
  }

  /** Whether this kernel has the counter at all. */
  has(name: string): boolean {
    return this.values.has(name);
  }

  /** What was counted since `earlier`, without the counters that stood still. */
  since(earlier: MibCounters): MibCounters {
    const changed = new Map<string, number>();
    for (const [name, value] of this.values) {
      const difference = value - earlier.get(name);
      if (difference !== 0) changed.set(name, difference);
    }
    return new MibCounters(changed);
  }

  /** Counters whose names start with `prefix`, those at 0 left out, in the kernel's order. */
  nonZero(prefix = ''): Record<string, number> {
    const found: Record<string, number> = {};
    for (const [name, value] of this.values) if (value !== 0 && name.startsWith(prefix)) found[name] = value;
    return found;
  }
}

/** Reads pairs of lines: `Group: name name ...` and `Group: value value ...`. Lines in no such pair are left out. */
export function parseMibCounters(text: string): MibCounters {
  const values = new Map<string, number>();
  const lines = text.split('\n');
  for (let i = 0; i + 1 < lines.length; i++) {
    const names = lines[i]!.split(' ');
    const numbers = lines[i + 1]!.split(' ');
    const group = names[0]!;
    if (!group.endsWith(':') || numbers[0] !== group || names.length !== numbers.length) continue;
    for (let j = 1; j < names.length; j++) values.set(group.slice(0, -1) + names[j]!, Number(numbers[j]));
    i++;
  }
  return new MibCounters(values);
}

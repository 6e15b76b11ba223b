/**
 * What the links under a host's raw interfaces are like, told as it changes: their kind, what they cost, their signal, and a lost carrier
 * within 100 ms. One watch serves all raw interfaces of a host in one namespace.
 */
import { LinkFactsWatch, type NetworkNamespace } from '../linux/index.js';
import type { LinkFacts } from '../policy/index.js';

/** Which link is followed, for which interfaces of the host. */
export interface FollowedLink {
  /** The kernel's name of it. */
  readonly name: string;
  readonly namespace: NetworkNamespace | undefined;
  /** Whether it costs money, whatever its kind. */
  readonly isMetered: boolean | undefined;
  /** Interfaces of the host, by their ids. */
  readonly ids: readonly number[];
}

/** One namespace: its watch, and what is followed there. */
interface Group {
  readonly watch: LinkFactsWatch;
  readonly followed: FollowedLink[];
}

export class RawLinks {
  private readonly groups = new Map<NetworkNamespace | undefined, Group>();
  private readonly tell: (id: number, facts: LinkFacts) => void;

  /** `tell` hears the facts of an interface at once and whenever they change. */
  constructor(tell: (id: number, facts: LinkFacts) => void) {
    this.tell = tell;
  }

  follow(link: FollowedLink): void {
    const { namespace } = link;
    const group = this.groups.get(namespace) ?? this.open(namespace);
    group.followed.push(link);
    this.attend(group);
    this.tellOf(group, link);
  }

  close(): void {
    for (const { watch } of this.groups.values()) watch.close();
    this.groups.clear();
  }

  private open(namespace: NetworkNamespace | undefined): Group {
    const watch = new LinkFactsWatch({
      ...(namespace !== undefined && { namespace }),
      onChange: (links) => {
        this.attend(group);
        const names = new Set(links.map(({ name }) => name));
        for (const link of group.followed) if (names.has(link.name)) this.tellOf(group, link);
      },
    });
    const group: Group = { watch, followed: [] };
    this.groups.set(namespace, group);
    return group;
  }

  private attend({ watch, followed }: Group): void {
    watch.attend(new Set(followed.flatMap(({ name }) => watch.find(name)?.index ?? [])));
  }

  /** An interface that is gone is one that is down, which its device tells. */
  private tellOf({ watch }: Group, { name, isMetered, ids }: FollowedLink): void {
    const link = watch.find(name);
    if (link === undefined) return;
    const facts = watch.factsOf(link);
    const own = isMetered === undefined ? facts : { ...facts, isMetered };
    for (const id of ids) this.tell(id, own);
  }
}

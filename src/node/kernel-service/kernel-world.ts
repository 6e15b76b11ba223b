/**
 * What the service types of all kernel sockets of one namespace share: the facts of its links, the commands to its path manager, questions
 * about its routes. Lives while one of them does.
 */
import { readlinkSync } from 'node:fs';
import { KernelPathCommands, LinkFactsWatch, LinkWatch, openTogether, Reach } from '../../linux/index.js';

/** By the identity of the namespace. */
const worlds = new Map<string, Shared>();

class Shared {
  readonly users = new Set<KernelWorld>();
  readonly commands: KernelPathCommands;
  readonly reach: Reach;
  readonly facts: LinkFactsWatch;

  constructor() {
    const onChange = (): void => {
      for (const user of [...this.users]) user.tell();
    };
    const opened = openTogether((keep) => ({
      ...{ commands: keep(new KernelPathCommands()), reach: keep(new Reach()) },
      facts: new LinkFactsWatch({ onChange }),
    }));
    this.commands = opened.commands;
    this.reach = opened.reach;
    this.facts = opened.facts;
  }

  close(): void {
    this.facts.close();
    this.reach.close();
    this.commands.close();
  }
}

/** One socket's share, in the namespace of the thread that makes this. */
export class KernelWorld {
  private readonly shared: Shared;
  private readonly namespace: string;
  private readonly onChange: () => void;
  private readonly attention: LinkWatch;

  /** Calls `onChange` from the event loop when something about the links changed. */
  constructor(onChange: () => void) {
    this.onChange = onChange;
    this.namespace = readlinkSync('/proc/thread-self/ns/net');
    const { attention, shared } = openTogether((keep) => ({
      attention: keep(new LinkWatch()),
      shared: worlds.get(this.namespace) ?? new Shared(),
    }));
    this.attention = attention;
    this.shared = shared;
    worlds.set(this.namespace, this.shared);
    this.shared.users.add(this);
  }

  get facts(): LinkFactsWatch {
    return this.shared.facts;
  }

  get commands(): KernelPathCommands {
    return this.shared.commands;
  }

  get reach(): Reach {
    return this.shared.reach;
  }

  /** Attends to the links with these numbers, and to no others: a lost carrier shows within 100 ms. */
  attend(links: ReadonlySet<number>): void {
    this.attention.attend(links);
  }

  tell(): void {
    this.onChange();
  }

  /** Closing twice does nothing. */
  close(): void {
    this.attention.close();
    const { users } = this.shared;
    if (!users.delete(this) || users.size > 0) return;
    worlds.delete(this.namespace);
    this.shared.close();
  }
}

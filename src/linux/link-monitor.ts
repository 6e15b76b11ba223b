/**
 * Tells when one network interface lets packets pass and when not: {@link LinkWatch} for those that want nothing else.
 */
import { LinkWatch } from './link-watch/index.js';
import type { NetworkNamespace } from './namespace.js';

export class LinkMonitor {
  private readonly name: string;
  private readonly watch: LinkWatch;
  private up: boolean;

  /** Calls `onChange` from the event loop with the new state of the interface `name` of `namespace`. */
  constructor(name: string, namespace: NetworkNamespace | undefined, onChange: (up: boolean) => void) {
    this.name = name;
    this.watch = new LinkWatch({
      ...(namespace !== undefined && { namespace }),
      onChange: () => {
        const up = this.isUp;
        if (up === this.up) return;
        this.up = up;
        onChange(up);
      },
    });
    this.up = this.isUp;
  }

  /** Whether packets can pass the interface, as was announced up to now. One that is gone is down. */
  get isUp(): boolean {
    this.watch.refresh();
    return this.watch.find(this.name)?.hasCarrier ?? false;
  }

  /** Stops listening. Closing twice does nothing. */
  close(): void {
    this.watch.close();
  }
}

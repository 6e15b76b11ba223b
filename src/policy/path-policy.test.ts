import { describe, expect, it } from 'vitest';
import { NEVER, SECOND } from '../base/index.js';
import type { LinkFacts } from './link-facts.js';
import { PathPolicy } from './path-policy.js';
import type { PathSample } from './path-sample.js';
import type { PolicyAction, PolicyLink, PolicyPath, PolicyView } from './policy-view.js';
import { serviceTypeNamed, serviceTypes, type ServiceType } from './service-type.js';

const WIFI = 1;
const CELL = 2;
const wifi: LinkFacts = { kind: 'wifi', isMetered: false, hasCarrier: true };
const cell: LinkFacts = { kind: 'cellular', isMetered: true, hasCarrier: true };
const healthy: PathSample = {
  srttNs: 20e6,
  rtoNs: 220e6,
  timeouts: 0,
  bytesSent: 0,
  bytesRetransmitted: 0,
  isSilent: false,
};

/** A connection as the policy sees it: what it decides is done at once, paths open when the test says so. */
class Model {
  readonly policy: PathPolicy<string>;
  now = 0;
  links: PolicyLink[] = [link(CELL, cell), link(WIFI, wifi, { isInitial: true })];
  paths: PolicyPath<string>[] = [path('wifi-1', WIFI)];
  room = 7;
  isMeteredBarred = false;
  isBehindTarget = false;
  nextAt = NEVER;
  private opened = 1;

  constructor(type: ServiceType) {
    this.policy = new PathPolicy(type);
  }

  /** Decides after `ns` more, and does what was decided; returns it. */
  decide(ns = 0): PolicyAction<string>[] {
    this.now += ns;
    const { links, paths, room, isMeteredBarred, isBehindTarget } = this;
    const view: PolicyView<string> = { links, paths, room, isMeteredBarred, isBehindTarget };
    const { actions, nextAt } = this.policy.decide(this.now, view);
    this.nextAt = nextAt;
    for (const action of actions) this.perform(action);
    return [...actions];
  }

  /** What the paths are by now, in words. */
  get state(): string[] {
    return this.paths.map(
      ({ id, isOpen, isBackup }) => `${id}${isOpen ? '' : ' opening'}${isBackup ? ' backup' : ''}`,
    );
  }

  /** Lets the paths that are being opened open, and decides. */
  open(): PolicyAction<string>[] {
    this.paths = this.paths.map((each) => ({ ...each, isOpen: true }));
    return this.decide();
  }

  /** What the paths of a link look like from now on. */
  look(id: number, sample: Partial<PathSample>): this {
    this.paths = this.paths.map((each) =>
      each.link === id ? { ...each, sample: { ...healthy, ...each.sample, ...sample } } : each,
    );
    return this;
  }

  facts(id: number, facts: Partial<LinkFacts>): this {
    this.links = this.links.map((each) =>
      each.id === id ? { ...each, facts: { ...each.facts, ...facts } } : each,
    );
    return this;
  }

  private perform(action: PolicyAction<string>): void {
    if (action.type === 'open') {
      const name = action.link === WIFI ? 'wifi' : action.link === CELL ? 'cell' : `link${action.link}`;
      this.paths = [
        ...this.paths,
        path(`${name}-${++this.opened}`, action.link, { isOpen: false, isBackup: action.isBackup }),
      ];
    } else if (action.type === 'close') this.paths = this.paths.filter(({ id }) => id !== action.path);
    else
      this.paths = this.paths.map((each) =>
        each.id === action.path ? { ...each, isBackup: action.isBackup } : each,
      );
  }
}

function link(id: number, facts: LinkFacts, changes: Partial<PolicyLink> = {}): PolicyLink {
  return { id, facts, mayOpen: true, isInitial: false, isSpare: false, ...changes };
}

function path(id: string, on: number, changes: Partial<PolicyPath<string>> = {}): PolicyPath<string> {
  return { id, link: on, isOpen: true, isBackup: false, sample: healthy, ...changes };
}

describe('every service type', () => {
  it('is found by its name, and no other name is', () => {
    for (const type of serviceTypes) expect(serviceTypeNamed(type)).toBe(type);
    expect(() => serviceTypeNamed('Handover')).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_UNKNOWN_NAME' }),
    );
  });

  it.each(serviceTypes)('has its second path when both are fine: %s', (type) => {
    const model = new Model(type);
    model.decide();
    model.open();
    expect(model.state).toEqual(
      {
        none: ['wifi-1'],
        handover: ['wifi-1'],
        interactive: ['wifi-1', 'cell-2 backup'],
        aggregate: ['wifi-1', 'cell-2'],
        targetBased: ['wifi-1', 'cell-2 backup'],
      }[type],
    );
    expect(model.decide(SECOND)).toEqual([]);
    expect(model.nextAt).toBe(NEVER);
  });

  it('prefers what is free to what is metered, and wired to Wi-Fi to unknown to cellular', () => {
    const orders: [LinkFacts['kind'], boolean][] = [
      ['cellular', true],
      ['wired', true],
      ['cellular', false],
      ['unknown', false],
      ['wifi', false],
      ['wired', false],
    ];
    const model = new Model('interactive');
    model.links = [];
    model.paths = [];
    for (const [index, [kind, isMetered]] of orders.entries()) {
      model.links = [...model.links, link(index + 10, { kind, isMetered, hasCarrier: true })];
      model.decide();
      model.open();
      const regular = model.paths.filter(({ isBackup }) => !isBackup);
      expect(regular.map((each) => each.link)).toEqual([index + 10]);
    }
  });

  it('takes the link that the connection began on among equals, and one that is kept in reserve last', () => {
    const model = new Model('interactive');
    model.links = [link(5, wifi), link(WIFI, wifi, { isInitial: true }), link(6, wifi, { isSpare: true })];
    model.decide();
    model.open();
    expect(model.state[0]).toBe('wifi-1');
    model.links = [link(6, wifi, { isSpare: true }), link(CELL, cell)];
    model.paths = [];
    model.decide();
    model.open();
    expect(model.paths.find(({ isBackup }) => !isBackup)?.link).toBe(CELL);
  });

  it('opens no more than there is room for, nor where nothing can be opened', () => {
    const model = new Model('aggregate');
    model.room = 0;
    expect(model.decide()).toEqual([]);
    model.room = 7;
    model.links = model.links.map((each) => ({ ...each, mayOpen: false }));
    expect(model.decide()).toEqual([]);
  });

  it.each(['handover', 'interactive', 'aggregate', 'targetBased'] as const)(
    'leaves metered links at once when they are barred, the last path too: %s',
    (type) => {
      const model = new Model(type);
      model.isMeteredBarred = true;
      model.decide();
      model.open();
      expect(model.state).toEqual(['wifi-1']);
      model.links = [link(CELL, cell)];
      model.paths = [path('cell-1', CELL)];
      expect(model.decide()).toEqual([{ type: 'close', path: 'cell-1', isLost: false }]);
      expect(model.decide()).toEqual([]);
    },
  );
});

describe('handover', () => {
  it('opens the second path as a backup when the signal gets weak, and closes it when that was all', () => {
    const model = new Model('handover');
    expect(model.facts(WIFI, { signalDbm: -76 }).decide()).toEqual([
      { type: 'open', link: CELL, isBackup: true },
    ]);
    model.open();
    expect(model.state).toEqual(['wifi-1', 'cell-2 backup']);
    model.facts(WIFI, { signalDbm: -72 }).decide(SECOND);
    expect(model.state).toEqual(['wifi-1', 'cell-2 backup']);
    expect(model.facts(WIFI, { signalDbm: -65 }).decide(SECOND)).toEqual([
      { type: 'close', path: 'cell-2', isLost: false },
    ]);
  });

  it('opens the second path for use when the first is slow, moves when it is open, and comes back in good time', () => {
    const model = new Model('handover');
    expect(model.look(WIFI, { timeouts: 1 }).decide()).toEqual([
      { type: 'open', link: CELL, isBackup: false },
    ]);
    expect(model.state).toEqual(['wifi-1', 'cell-2 opening']);
    model.open();
    expect(model.state).toEqual(['wifi-1 backup', 'cell-2']);
    model.look(WIFI, { timeouts: 0 }).decide(SECOND);
    expect(model.state).toEqual(['wifi-1 backup', 'cell-2']);
    expect(model.nextAt).toBe(3 * SECOND);
    expect(model.decide(2 * SECOND)).toEqual([
      { type: 'set-backup', path: 'wifi-1', isBackup: false },
      { type: 'close', path: 'cell-2', isLost: false },
    ]);
  });

  it('gives the first path up after a second of silence, tells the peer, and opens it anew before the second is closed', () => {
    const model = new Model('handover');
    model.look(WIFI, { isSilent: true }).decide();
    model.open();
    expect(model.state).toEqual(['wifi-1 backup', 'cell-2']);
    expect(model.nextAt).toBe(SECOND);
    expect(model.decide(SECOND)).toEqual([{ type: 'close', path: 'wifi-1', isLost: true }]);
    expect(model.decide(SECOND)).toEqual([]);
    expect(model.decide(2 * SECOND)).toEqual([{ type: 'open', link: WIFI, isBackup: false }]);
    expect(model.state).toEqual(['cell-2', 'wifi-3 opening']);
    expect(model.open()).toEqual([{ type: 'close', path: 'cell-2', isLost: false }]);
  });

  it('keeps a silent path while there is no other', () => {
    const model = new Model('handover');
    model.links = [link(WIFI, wifi)];
    model.look(WIFI, { isSilent: true }).decide();
    expect(model.decide(5 * SECOND)).toEqual([]);
  });

  it('moves at once when the link leaves, and back only when its carrier has been there for a while', () => {
    const model = new Model('handover');
    model.policy.noteCarrierLoss(0, WIFI);
    model.links = [link(CELL, cell)];
    model.paths = [];
    expect(model.decide()).toEqual([{ type: 'open', link: CELL, isBackup: false }]);
    model.open();
    model.links = [link(CELL, cell), link(WIFI, wifi)];
    expect(model.decide(SECOND)).toEqual([]);
    expect(model.nextAt).toBe(3 * SECOND);
    expect(model.decide(2 * SECOND)).toEqual([{ type: 'open', link: WIFI, isBackup: false }]);
  });

  it('stays where it is when both are slow', () => {
    const model = new Model('handover');
    model.look(WIFI, { timeouts: 1 }).decide();
    model.open();
    expect(model.look(CELL, { timeouts: 1 }).decide(SECOND)).toEqual([]);
    expect(model.state).toEqual(['wifi-1 backup', 'cell-2']);
  });
});

describe('interactive', () => {
  it('moves to the backup when the first is slow, keeps the first as a backup, and moves back in good time', () => {
    const model = new Model('interactive');
    model.decide();
    model.open();
    expect(model.look(WIFI, { timeouts: 1 }).decide()).toEqual([
      { type: 'set-backup', path: 'cell-2', isBackup: false },
      { type: 'set-backup', path: 'wifi-1', isBackup: true },
    ]);
    model.look(WIFI, { timeouts: 0 }).decide(SECOND);
    expect(model.decide(2 * SECOND)).toEqual([
      { type: 'set-backup', path: 'wifi-1', isBackup: false },
      { type: 'set-backup', path: 'cell-2', isBackup: true },
    ]);
  });
});

describe('target-based', () => {
  it('lets the second path help only while the target would be missed', () => {
    const model = new Model('targetBased');
    model.decide();
    model.open();
    model.isBehindTarget = true;
    expect(model.decide()).toEqual([{ type: 'set-backup', path: 'cell-2', isBackup: false }]);
    model.isBehindTarget = false;
    expect(model.decide()).toEqual([{ type: 'set-backup', path: 'cell-2', isBackup: true }]);
  });
});

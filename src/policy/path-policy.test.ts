import { describe, expect, it } from 'vitest';
import { CELL, Model, WIFI, cell, link, path, wifi } from '../../test/support/policy-model.js';
import { NEVER, SECOND } from '../base/index.js';
import type { LinkFacts } from './link-facts.js';
import { serviceTypeNamed, serviceTypes } from './service-type.js';

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

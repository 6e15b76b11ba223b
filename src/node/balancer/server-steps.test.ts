import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { mayCreateNamespaces, NetworkNamespace } from '../../linux/index.js';
import { type IpStep, SetupJournal, type SysctlStep } from './server-steps.js';

const folder = mkdtempSync(join(tmpdir(), 'subflow-steps-'));
const path = join(folder, 'state', 'agent.json');
const name = 'net/ipv4/conf/all/arp_ignore';
const quiet: SysctlStep = { kind: 'sysctl', name, value: '1', accepts: ['2'], why: '' };
const address = (text: string): IpStep => ({
  ...{ kind: 'ip', name: `address ${text}`, commands: [`address add ${text}/32 dev lo`] },
  ...{ undo: `address delete ${text}/32 dev lo`, shows: `address show to ${text}/32`, sign: text, why: '' },
});

describeWith('settings that are taken back', [mayCreateNamespaces()], () => {
  let namespace: NetworkNamespace;
  beforeEach(() => (namespace = NetworkNamespace.create('server')));
  afterEach(() => {
    namespace.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const shown = (text: string): boolean => namespace.ip(`address show to ${text}/32`) !== '';
  const value = (): string => namespace.readSysctl('net.ipv4.conf.all.arp_ignore');

  /** As after a crash: the process of the journal is gone. */
  function crash(): void {
    const journal = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...journal, startTicks: '1' }));
  }

  it('are made in order, and taken back to what was before', () => {
    const journal = new SetupJournal(path, namespace);
    journal.apply([quiet, address('192.0.2.1')]);
    expect([value(), shown('192.0.2.1')]).toEqual(['1', true]);
    expect(journal.undo()).toEqual([]);
    expect([value(), shown('192.0.2.1')]).toEqual(['0', false]);
    expect(existsSync(path)).toBe(false);
  });

  it('stay as they are where somebody else made them', () => {
    namespace.sysctl('net.ipv4.conf.all.arp_ignore', 2);
    namespace.ip('address add 192.0.2.1/32 dev lo');
    const journal = new SetupJournal(path, namespace);
    journal.apply([quiet, address('192.0.2.1')]);
    expect(journal.size).toBe(0);
    journal.undo();
    expect([value(), shown('192.0.2.1')]).toEqual(['2', true]);
  });

  it('are left alone at the end where somebody changed them meanwhile', () => {
    const journal = new SetupJournal(path, namespace);
    journal.apply([quiet, address('192.0.2.1')]);
    namespace.sysctl('net.ipv4.conf.all.arp_ignore', 8);
    namespace.ip('address delete 192.0.2.1/32 dev lo');
    expect(journal.undo()).toEqual([]);
    expect(value()).toBe('8');
  });

  it('are taken over after a crash where they are wanted still, and taken back where not', () => {
    new SetupJournal(path, namespace).apply([quiet, address('192.0.2.1'), address('192.0.2.2')]);
    crash();
    const next = new SetupJournal(path, namespace);
    expect(next.size).toBe(3);
    expect(next.sysctlBefore(name)).toBe('0');
    next.apply([quiet, address('192.0.2.2'), address('192.0.2.3')]);
    expect(['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(shown)).toEqual([false, true, true]);
    expect(next.undo()).toEqual([]);
    expect([value(), shown('192.0.2.2'), shown('192.0.2.3')]).toEqual(['0', false, false]);
  });

  it('are made again where a crash came before the change, or something undid it', () => {
    new SetupJournal(path, namespace).apply([address('192.0.2.1')]);
    namespace.ip('address delete 192.0.2.1/32 dev lo');
    crash();
    const next = new SetupJournal(path, namespace);
    next.apply([address('192.0.2.1')]);
    expect(shown('192.0.2.1')).toBe(true);
    next.undo();
  });

  it('belong to one process at a time', () => {
    const journal = new SetupJournal(path, namespace);
    expect(() => new SetupJournal(path, namespace)).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BUSY' }),
    );
    journal.undo();
  });

  it('that cannot be taken back are named by their commands, and stay in the journal', () => {
    const stuck = { ...address('192.0.2.1'), undo: 'address delete 192.0.2.1/32 dev nowhere' };
    const journal = new SetupJournal(path, namespace);
    journal.apply([quiet, stuck]);
    expect(journal.undo()).toEqual([`ip ${stuck.undo}`]);
    expect(value()).toBe('0');
    expect(existsSync(path)).toBe(true);
  });

  it('are changed in place when their commands change', () => {
    const journal = new SetupJournal(path, namespace);
    const step = address('192.0.2.1');
    journal.apply([step]);
    journal.repeat({ ...step, commands: ['address add 192.0.2.1/32 dev lo scope host'] });
    expect(namespace.ip('address show to 192.0.2.1/32')).toContain('scope host');
    journal.undo();
    expect(shown('192.0.2.1')).toBe(false);
  });

  it('whose journal makes no sense stop the next start with what to do', () => {
    new SetupJournal(path, namespace).undo();
    writeFileSync(path, '{');
    expect(() => new SetupJournal(path, namespace)).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_JOURNAL' }),
    );
  });
});

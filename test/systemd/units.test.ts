/** The units in systemd/, by systemd's own judgement: it knows every directive, and how much each unit lets a command do. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands.js';
import { describeWith, hasTool } from '../support/with-rights.js';

const units = join(import.meta.dirname, '..', '..', 'systemd');
const names = readdirSync(units);

/** The values of a directive, in order. */
function valuesOf(name: string, directive: string): string[] {
  const text = readFileSync(join(units, name), 'utf8');
  return [...text.matchAll(new RegExp(`^${directive}=(.*)$`, 'gm'))].map(([, value]) => value!);
}

describe('the units for systemd', () => {
  it.each(names)(
    '%s starts a command that there is, and leaves it no right that it does not name',
    (name) => {
      const [start] = valuesOf(name, 'ExecStart');
      const [, command] = /^\/usr\/bin\/subflow (\w+)/.exec(start!)!;
      expect(commands.map((each) => each.name)).toContain(command);
      expect(valuesOf(name, 'NoNewPrivileges')).toEqual(['yes']);
      expect(valuesOf(name, 'ProtectSystem')).toEqual(['strict']);
      expect(valuesOf(name, 'CapabilityBoundingSet')[0]).toMatch(/^CAP_/);
      // A unit of root's is one whose command needs files that are root's: it has the rights of its bounding set anyhow.
      const isOthers = valuesOf(name, 'DynamicUser').length === 1;
      expect(valuesOf(name, 'AmbientCapabilities')).toEqual(
        isOthers ? valuesOf(name, 'CapabilityBoundingSet') : [''],
      );
    },
  );
});

describeWith('systemd', [hasTool('systemd-analyze')], () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'subflow-units-'));
    // The command may not be installed here, which would be all that is said.
    for (const name of names) {
      const text = readFileSync(join(units, name), 'utf8');
      writeFileSync(join(folder, name), text.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(names)('finds nothing wrong with %s', (name) => {
    const said = execFileSync('systemd-analyze', ['verify', join(folder, name)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect(said).not.toContain(name);
  });

  it.each(names)('holds %s to be little exposed: 4 of 10 at most', (name) => {
    const flags = ['security', '--no-pager', '--offline=true', '--threshold=40'];
    expect(execFileSync('systemd-analyze', [...flags, join(folder, name)], { encoding: 'utf8' })).toContain(
      'Overall exposure level',
    );
  });
});

import { describe, expect, it } from 'vitest';
import { loadScript, scriptFiles } from './runner/scripts.js';
import { runScript } from './runner/run.js';
import { OurTarget } from './runner/target-ours.js';
import { Settings } from './runner/target.js';

describe('our stack conforms to', () => {
  for (const file of scriptFiles()) {
    const script = loadScript(file);
    if (script.settings.get('on')?.value === 'linux') continue;
    it(file, async () => {
      expect(script.requirements.length).toBeGreaterThan(0);
      await runScript(script, new OurTarget(new Settings(script.settings)));
    });
  }
});

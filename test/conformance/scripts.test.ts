import { describe, expect, it } from 'vitest';
import { Deviation, runScript } from './runner/run.js';
import { loadScript, scriptFiles } from './runner/scripts.js';
import { OurTarget } from './runner/target-ours.js';
import { Settings } from './runner/target.js';
import { readDeviations } from './table.js';

const recorded = readDeviations().ours;

describe('our stack conforms to', () => {
  for (const file of scriptFiles()) {
    const script = loadScript(file);
    if (script.settings.get('on')?.value === 'linux') continue;
    const isRecorded = file in recorded;
    it(`${file}${isRecorded ? ', but for what is recorded' : ''}`, async () => {
      expect(script.requirements.length).toBeGreaterThan(0);
      const run = runScript(script, new OurTarget(new Settings(script.settings)));
      if (isRecorded) await expect(run).rejects.toThrow(Deviation);
      else await run;
    });
  }
});

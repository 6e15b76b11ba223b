/** One scenario with one target: what an owner of sockets, or of a simulated network, drives. */
import { closeAll } from './closing.js';
import { Conversation, type ConversationSetup } from './conversation.js';
import type { ScenarioOutcome, ScenarioResult } from './outcome.js';
import type { Scenario } from './scenario.js';
import { ScriptRun, type Script } from './script.js';

/** A run of `scenario`; see {@link ScriptRun} for how it is driven. */
export class ProbeRun extends ScriptRun<ScenarioOutcome> {
  readonly scenario: Scenario;

  constructor(scenario: Scenario, setup: ConversationSetup) {
    const talk = new Conversation(setup);
    super(talk, andClosed(talk, scenario.script(talk)));
    this.scenario = scenario;
  }

  /** What came of it, once {@link isOver}. */
  report(): ScenarioResult {
    const { conversation, scenario } = this;
    return {
      ...(this.result ?? { reaction: 'unfinished' }),
      scenario: scenario.name,
      version: conversation.version,
      packets: conversation.record,
      unheard: conversation.unheard,
    };
  }
}

/** The script, and then the end of every flow that it left open. */
function* andClosed<T>(talk: Conversation, script: Script<T>): Script<T> {
  const result = yield* script;
  yield* closeAll(talk);
  return result;
}

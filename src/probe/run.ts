/** One scenario with one target: what an owner of sockets, or of a simulated network, drives. */
import { closedAtEnd } from './closing.js';
import { Conversation, type ConversationSetup } from './conversation.js';
import type { ScenarioOutcome, ScenarioResult } from './outcome.js';
import type { Scenario } from './scenario.js';
import { ScriptRun } from './script.js';

/** A run of `scenario`; see {@link ScriptRun} for how it is driven. */
export class ProbeRun extends ScriptRun<ScenarioOutcome> {
  readonly scenario: Scenario;

  constructor(scenario: Scenario, setup: ConversationSetup) {
    const talk = new Conversation(setup);
    super(talk, closedAtEnd(talk, scenario.script(talk)));
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

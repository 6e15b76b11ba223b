/** The dialogue for a client, by the first byte that it sends where several protocols may be spoken. */
import { SubflowError } from '../../base/index.js';
import type { Dialogue, ProxyProtocol } from './dialogue.js';
import { Socks5Dialogue } from './socks5-dialogue.js';

/** What dialogues need to know of the proxy. */
export interface DialogueSettings {
  readonly socks6Version?: number;
  /** Whether clients have to say who they are, at present. */
  needsUser(): boolean;
}

export function dialogueFor(protocols: readonly ProxyProtocol[], settings: DialogueSettings): Dialogue {
  if (protocols.length === 0)
    throw new SubflowError('ERR_SUBFLOW_BAD_LISTENER', 'a listener without a protocol');
  return new Socks5Dialogue(settings.needsUser());
}

/** Keys of the whole page while the playground is shown: the space bar runs and pauses, a full stop steps. */
import type { PlaygroundSession } from './session.js';

/** Elements that have a use for the space bar themselves. */
const PRESSABLE = 'button, input, select, textarea, summary';
/** Elements that are written into. */
const WRITABLE = 'input[type=text], select, textarea';

/** Listens until the function that it gives is called. */
export function listenToKeys(session: PlaygroundSession): () => void {
  const press = (event: KeyboardEvent): void => {
    const { key, target, ctrlKey, altKey, metaKey } = event;
    if (!session.isShown.peek() || ctrlKey || altKey || metaKey || event.defaultPrevented) return;
    const isWithin = (selector: string): boolean =>
      target instanceof Element && target.closest(selector) !== null;
    if (key === ' ' && !isWithin(PRESSABLE)) session.toggle();
    else if (key === '.' && !isWithin(WRITABLE)) session.step();
    else return;
    event.preventDefault();
  };
  addEventListener('keydown', press);
  return () => removeEventListener('keydown', press);
}

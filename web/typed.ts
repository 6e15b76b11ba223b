/** What somebody writes into a field of a form: while it makes no sense it stands there, marked, and nothing comes of it. */
import { useEffect, useState } from 'preact/hooks';

export interface Typed {
  /** What the field shows: what was written while that makes no sense, else the value. */
  readonly shown: string;
  readonly isWrong: boolean;
  /** To be told of what was written. */
  readonly take: (written: string) => void;
}

/** `accept` takes what was written, and says whether it makes sense. What does not is gone when the field gets another value. */
export function useTyped(value: string, accept: (written: string) => boolean): Typed {
  const [wrong, setWrong] = useState<string | undefined>(undefined);
  useEffect(() => setWrong(undefined), [value]);
  return {
    shown: wrong ?? value,
    isWrong: wrong !== undefined,
    take: (written) => setWrong(written === value || accept(written) ? undefined : written),
  };
}

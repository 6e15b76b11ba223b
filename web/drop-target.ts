/** Where files may be dropped. */
import { useState } from 'preact/hooks';

export interface DropTarget {
  /** Whether something is held over it. */
  readonly isOver: boolean;
  /** What its element listens with. */
  readonly listeners: {
    readonly onDragOver: (event: DragEvent) => void;
    readonly onDragLeave: () => void;
    readonly onDrop: (event: DragEvent) => void;
  };
}

/** `take` is given what was dropped; the browser does nothing with it. */
export function useDropTarget(take: (dropped: DataTransfer | null) => void): DropTarget {
  const [isOver, setOver] = useState(false);
  return {
    isOver,
    listeners: {
      onDragOver: (event) => {
        event.preventDefault();
        setOver(true);
      },
      onDragLeave: () => setOver(false),
      onDrop: (event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer);
      },
    },
  };
}

/** What somebody dropped on the page: one file, or something else, which is told. */

/** As much of a `DataTransferItem` as is asked for. */
export interface DroppedItem<Dropped> {
  readonly kind: string;
  getAsFile(): Dropped | null;
  webkitGetAsEntry?(): { readonly isDirectory: boolean } | null;
}

export type Drop<Dropped> = { readonly file: Dropped } | { readonly refusal: string };

export function takeDropped<Dropped>(items: readonly DroppedItem<Dropped>[]): Drop<Dropped> {
  const files = items.filter(({ kind }) => kind === 'file');
  if (files.length === 0) return { refusal: 'What was dropped is no file.' };
  if (files.length > 1) {
    return {
      refusal: `${files.length} files were dropped: one is read at a time. "subflow trace" reads several as one.`,
    };
  }
  const [item] = files as [DroppedItem<Dropped>];
  if (item.webkitGetAsEntry?.()?.isDirectory === true)
    return { refusal: 'What was dropped is a folder: drop a capture.' };
  const file = item.getAsFile();
  return file === null ? { refusal: 'What was dropped cannot be read.' } : { file };
}

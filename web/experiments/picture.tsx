/**
 * A figure as an image: nothing in it runs, asks for anything, or reaches the page, whoever made it. In the dark theme its
 * light and dark change places; hues stay.
 */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ShownFigure } from '../protocol/experiments.js';

export function Picture({ figure }: { readonly figure: ShownFigure }): JSX.Element {
  const { svg, alt } = figure;
  const [url, setUrl] = useState<string | undefined>(undefined);
  const [isBroken, setBroken] = useState(false);
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
    setUrl(made);
    setBroken(false);
    return () => URL.revokeObjectURL(made);
  }, [svg]);
  if (isBroken) return <p class="soft">This figure cannot be shown: it is no SVG document.</p>;
  return url === undefined ? (
    <></>
  ) : (
    <img class="picture" src={url} alt={alt} onError={() => setBroken(true)} />
  );
}

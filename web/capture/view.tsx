import type { JSX } from 'preact';
export function CaptureView(): JSX.Element {
  return <div class="capture" />;
}

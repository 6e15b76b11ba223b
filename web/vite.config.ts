/** How the lab becomes a folder of static files that works from any web server, below any path. */
import { join } from 'node:path';
import { defineConfig } from 'vite';

/** The layers below do nothing when they are loaded: what nobody names may be left out. */
const rolldownOptions = {
  treeshake: { moduleSideEffects: (id: string) => !/[/\\]src[/\\][a-z]+[/\\]/.test(id) },
};

export default defineConfig({
  root: import.meta.dirname,
  // Relative: whoever serves the folder chooses where.
  base: './',
  build: {
    outDir: join(import.meta.dirname, '..', 'dist', 'web'),
    emptyOutDir: true,
    target: 'es2022',
    // What would be in an inline script or in a data URL, the content security policy forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions,
  },
  worker: { format: 'es', rolldownOptions },
});

/** Lets a worker thread load TypeScript, whatever the main thread runs under (tsx or a test runner). */
import { register } from 'tsx/esm/api';

register();
await import('./worker.ts');

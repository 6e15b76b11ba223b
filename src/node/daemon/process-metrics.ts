/** What every command tells of its own process, under the names that Prometheus' own libraries use. */
import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from './metrics.js';

/** Adds them. What ends the measuring is returned. */
export function addProcessMetrics(metrics: Metrics): () => void {
  const startedAt = Date.now() / 1000 - process.uptime();
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  metrics.observe(
    'process_start_time_seconds',
    'When the process was started, in s since 1970.',
    () => startedAt,
  );
  metrics.observe('process_cpu_seconds_total', 'Time that the process used processors for, in s.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.observe('process_resident_memory_bytes', 'Memory that is in use, in bytes.', () =>
    process.memoryUsage.rss(),
  );
  metrics.observe('process_heap_bytes', 'Memory of it that objects of the program take, in bytes.', () => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  });
  metrics.observe('process_open_fds', 'Descriptors that are open.', openDescriptors);
  metrics.observe(
    'subflow_event_loop_delay_seconds',
    'Longest time that everything had to wait since this was asked last, in s.',
    () => {
      const longest = delay.max / 1e9;
      delay.reset();
      return Number.isFinite(longest) && longest >= 0 ? longest : 0;
    },
  );
  return () => delay.disable();
}

/** NaN where the system does not say. */
function openDescriptors(): number {
  try {
    // One of them is that of the folder, for as long as it is read.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return Number.NaN;
  }
}

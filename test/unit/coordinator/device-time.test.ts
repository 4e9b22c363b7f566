import { expect, test } from 'vitest';
import type { RunConfig } from '../../../src/config/schema.ts';
import { deviceSeconds } from '../../../src/coordinator/device-time.ts';
import type { JournalEntry, JournalEvent } from '../../../src/protocol/messages.ts';
import type { Lease } from '../../../src/protocol/plan.ts';
import { cpuSlots, smallConfig, smallRecord } from '../../fixtures/run.ts';

/** Events at these seconds. */
function journal(...entries: (readonly [second: number, entry: JournalEntry])[]): JournalEvent[] {
  return entries.map(([second, entry], index) => ({
    seq: index + 1,
    time: new Date(1_700_000_000_000 + 1000 * second).toISOString(),
    ...entry,
  }));
}

const session: JournalEntry = { type: 'session-started', pid: 1 };
const started = (job: string, attempt = 1): JournalEntry => ({ type: 'job-started', job, attempt, lease: 'a', pid: 2 });
const exited = (job: string, attempt = 1): JournalEntry => ({
  type: 'job-exited',
  job,
  attempt,
  status: 0,
  signal: null,
});

const gpus: Lease[] = [0, 1].map((index) => ({ id: `gpu-${index}`, kind: 'gpu', cudaVisibleDevices: `GPU-${index}` }));
const withDevices = (devices: Partial<RunConfig['devices']>) => {
  const config = smallConfig();
  return { ...config, devices: { ...config.devices, ...devices } };
};

test('jobs of the processor hold the share of it that their threads are', () => {
  // Two threads in all: one for each of the modules, which run side by side.
  const events = journal(
    [0, session],
    [1, started('meta')],
    [11, exited('meta')],
    [12, started('module-0')],
    [12, started('module-1')],
    [20, exited('module-0')],
    [24, exited('module-1')],
  );
  expect(deviceSeconds(smallRecord(smallConfig(), cpuSlots(2)), events)).toBe(10 + 8 / 2 + 12 / 2);
});

test('jobs on GPUs hold one each, and failed attempts do as well', () => {
  const events = journal(
    [0, session],
    [1, started('module-0')],
    [1, started('module-1')],
    [4, exited('module-0')],
    [9, started('module-0', 2)],
    [14, exited('module-0', 2)],
    [16, exited('module-1')],
  );
  expect(deviceSeconds(smallRecord(smallConfig(), gpus), events)).toBe(3 + 5 + 15);
});

test('jobs that share a GPU hold a part of it, as many as a session is configured with', () => {
  const change = { key: 'devices.jobsPerGpu', from: 2, to: 4 };
  const events = journal(
    [0, session],
    [0, started('module-0')],
    [6, exited('module-0')],
    [7, session],
    [7, { type: 'reconfigured', changes: [change] }],
    [8, started('module-1')],
    [16, exited('module-1')],
  );
  expect(deviceSeconds(smallRecord(withDevices({ jobsPerGpu: 2 }), gpus), events)).toBe(6 / 2 + 8 / 4);
});

test('an attempt whose coordinator was killed counts up to the last event of its session', () => {
  const events = journal(
    [0, session],
    [1, started('meta')],
    [5, { type: 'checkpoint', job: 'meta', attempt: 1, step: 3, path: 'p' }],
    [500, { type: 'journal-recovered', bytes: 3 }],
    [500, session],
    [501, started('meta', 2)],
    [503, exited('meta', 2)],
    [504, started('module-0')],
    [506, { type: 'job-state', job: 'module-0', attempt: 1, state: 'running' }],
  );
  expect(deviceSeconds(smallRecord(smallConfig(), gpus), events)).toBe(4 + 2 + 2);
});

test('a run that nobody has begun has held nothing', () => {
  expect(deviceSeconds(smallRecord(), journal([0, { type: 'run-created', name: 'small' }]))).toBe(0);
});

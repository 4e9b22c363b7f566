import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { openJournal } from '../../../src/coordinator/journal.ts';
import { executeRun } from '../../../src/coordinator/run.ts';
import { localExecutor } from '../../../src/executors/local.ts';
import type { Lease } from '../../../src/protocol/plan.ts';
import {
  attemptPids,
  createSmallRun,
  fixtureWorker,
  smallConfig,
  smallRecord,
  temporaryDirectory,
} from '../../fixtures/run.ts';

afterEach(() => void vi.unstubAllEnvs());

const lease: Lease = { id: 'gpu-0', kind: 'gpu', cudaVisibleDevices: 'GPU-aaaa' };

/** A machine with a GPU, whose use is what a script of the shell prints: `$run` is the run's directory. */
async function runOn(processes: string, memory: string, devices: object = {}, prepare = (_runDirectory: string) => {}) {
  const config = smallConfig();
  const record = smallRecord({ ...config, devices: { ...config.devices, releaseLimit: 60, ...devices } }, [lease]);
  const runDirectory = await createSmallRun({ meta: ['crash', 'complete'] }, record);
  prepare(runDirectory);
  const directory = temporaryDirectory();
  const calls = join(directory, 'calls');
  writeFileSync(calls, '');
  writeFileSync(
    join(directory, 'nvidia-smi'),
    `#!/bin/sh
run='${runDirectory}'
calls='${calls}'
case "$1" in
  --query-compute-apps=*) echo app >> "$calls"; count=$(grep -c app "$calls"); ${processes};;
  --query-gpu=*) count=$(grep -c app "$calls"); echo "GPU-aaaa, $(${memory})";;
esac
`,
  );
  chmodSync(join(directory, 'nvidia-smi'), 0o755);
  vi.stubEnv('PATH', `${directory}:${process.env.PATH}`);
  const notices: string[] = [];
  const observer = { event() {}, progress() {}, notice: (text: string) => void notices.push(text), close() {} };
  const started = performance.now();
  await expect(
    executeRun(runDirectory, { observe: () => observer, executor: localExecutor(fixtureWorker) }),
  ).resolves.toMatchObject({ status: 'completed' });
  expect(attemptPids(runDirectory, 'meta')).toHaveLength(2);
  return {
    asked: readFileSync(calls, 'utf8').split('\n').length - 1,
    notices,
    seconds: (performance.now() - started) / 1000,
  };
}

const pidOfMeta = 'cut -d" " -f1 "$run/jobs/meta/attempts"';

test('a job waits until a worker that crashed no longer computes on the GPU', async () => {
  // Before the first job, and until the third look after the crash.
  const { asked, notices } = await runOn(`if [ $count -gt 1 ] && [ $count -lt 4 ]; then ${pidOfMeta}; fi`, 'echo 500');
  expect(asked).toBe(4);
  expect(notices).toEqual([]);
});

test('and, where processes are not listed, until its memory is given back', async () => {
  const { asked, notices } = await runOn('true', '[ $count -ge 2 ] && [ $count -lt 4 ] && echo 9000 || echo 500');
  expect(asked).toBe(4);
  expect(notices).toEqual([]);
});

test('but no longer than the limit, and says so', async () => {
  const { notices } = await runOn(`if [ $count -gt 1 ]; then ${pidOfMeta}; fi`, 'echo 500', { releaseLimit: 1 });
  expect(notices).toEqual([
    expect.stringMatching(/^gpu-0 still holds memory of a worker that was ended, after 1\.\ds/),
  ]);
});

test('what others use of a GPU that jobs share is no reason to wait', async () => {
  const { asked, notices } = await runOn('echo 1', 'echo $((500 + 1000 * $count))', { jobsPerGpu: 2 });
  // One look after the crash.
  expect(asked).toBe(1);
  expect(notices).toEqual([]);
});

test('an nvidia-smi that fails holds nothing up', async () => {
  const { asked, notices } = await runOn('exit 1', 'echo 500');
  expect(asked).toBe(2);
  expect(notices).toEqual([]);
});

test('a worker of a session that was killed is waited for too', async () => {
  const pid = 4_100_000;
  const before = (runDirectory: string) => {
    const journal = openJournal(runDirectory);
    journal.append({ type: 'session-started', pid });
    journal.append({ type: 'job-started', job: 'meta', attempt: 1, lease: 'gpu-0', pid });
    journal.close();
  };
  const { asked } = await runOn(`if [ $count -lt 3 ]; then echo ${pid}; fi`, 'echo 500', {}, before);
  // Until the third look, and once before the first job on a GPU that is free, and once after the crash.
  expect(asked).toBe(5);
});

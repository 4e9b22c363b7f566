import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../support/cli.ts';
import { thorough } from '../../support/faults.ts';
import { journalOf, startCli, untilEvent } from '../../support/run.ts';

/** Two modules of a block; eight steps an epoch, each with a checkpoint. */
const recipe = `
model: { name: vit-tiny, width: 16, depth: 2, heads: 2, patch: 4, imageSize: 16 }
division: { modules: 2 }
data: { source: shapes, padding: 1, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], shapes: { train: 128, validation: 32 } }
training: { batchSize: 16, referenceBatch: null, mixup: 0.2, cutmix: 0 }
phases:
  meta: { epochs: 1, lr: 2.0e-3, warmupEpochs: 0, clip: 1 }
  incubate: { epochs: 2, lr: 2.0e-3, warmupEpochs: 0, dropPath: 0.1 }
  finetune: { epochs: 2, lr: 1.0e-3, dropPath: 0.1 }
checkpoint: { everySteps: 1 }
devices: { gpus: none, slots: 1, threads: 1 }
execution: { retryDelay: 0.1, stopGrace: 10, heartbeatLimit: 3 }
`;

let folder: string;
let config: string;
let reference: { readonly weights: { readonly sha256: string } };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'incubate policies 🐣 '));
  config = join(folder, 'tiny recipe.yaml');
  await writeFile(config, recipe);
  reference = JSON.parse((await runCli(train('reference', '--json'))).stdout);
});
afterAll(() => rm(folder, { recursive: true }));

const place = () => ['--runs-dir', join(folder, 'runs')];
const train = (run: string, ...more: string[]) => ['train', '--config', config, ...place(), '--run', run, ...more];
const resume = (run: string, ...more: string[]) => runCli(['resume', run, ...place(), '--json', ...more]);
const directoryOf = (run: string) => join(folder, 'runs', run);
const shaOf = (stdout: string) => JSON.parse(stdout).weights.sha256;

describe('a worker that is suspended in the middle of its work', () => {
  it.runIf(thorough)('is ended and tried again, with the same weights in the end', async () => {
    const run = directoryOf('suspended');
    const child = startCli(train('suspended', '--json'));
    await untilEvent(run, (event) => event.type === 'checkpoint' && event.job === 'module-1');
    const started = (await journalOf(run)).findLast((event) => event.type === 'job-started');
    process.kill(started?.pid as number, 'SIGSTOP');
    const { stdout, exitCode } = await child;
    expect(exitCode).toBe(0);
    expect(shaOf(stdout)).toBe(reference.weights.sha256);
    // A state is noted once, however often checkpoints are written between.
    const states = (await journalOf(run)).filter((event) => event.type === 'job-state' && event.job === 'finetune');
    expect(states.map(({ state }) => state)).toEqual(['compiling', 'running']);
    const failures = (await journalOf(run)).filter((event) => event.type === 'job-failed');
    const message = expect.stringContaining('suspended it (SIGSTOP)');
    expect(failures).toMatchObject([{ job: started?.job, error: { code: 'TRAINING_STALLED', message } }]);
  });
});

describe('a run that is stopped again and again', () => {
  it.runIf(thorough)(
    'goes on by the command that began it, from the middle of epochs, with the same weights in the end',
    async () => {
      const run = directoryOf('stopped');
      const stops = [
        ['meta', 3],
        ['module-1', 1],
        ['finetune', 5],
      ] as const;
      for (const [round, [job, step]] of stops.entries()) {
        const child = startCli(train('stopped', '--json'));
        await untilEvent(run, (event) => event.type === 'checkpoint' && event.job === job && event.step === step);
        child.kill(round % 2 === 0 ? 'SIGINT' : 'SIGKILL');
        const { exitCode } = await child;
        expect(exitCode).toBe(round % 2 === 0 ? 130 : undefined);
      }
      const { stdout, exitCode } = await runCli(train('stopped', '--json'));
      expect(exitCode).toBe(0);
      expect(shaOf(stdout)).toBe(reference.weights.sha256);
      const events = await journalOf(run);
      const resumed = events.filter((event) => event.type === 'resumed');
      expect(resumed.length).toBeGreaterThanOrEqual(2);
      expect(resumed.some((event) => (event.step as number) % 8 !== 0)).toBe(true);
    },
  );
});

describe('jobs by name', () => {
  it('are run alone, on more slots than planned, and the rest later, with the same weights', async () => {
    const child = startCli(train('parts'));
    await untilEvent(directoryOf('parts'), (event) => event.type === 'compiled');
    child.kill('SIGINT');
    expect((await child).exitCode).toBe(130);
    const slots = ['--set', 'devices.slots=2', '--force'];
    const { stdout, exitCode } = await resume('parts', '--only', 'module-1', ...slots);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      status: 'partial',
      run: 'parts',
      remaining: ['module-0', 'finetune', 'evaluate'],
    });
    const rest = await resume('parts');
    expect(shaOf(rest.stdout)).toBe(reference.weights.sha256);
    const events = await journalOf(directoryOf('parts'));
    const started = events.filter((event) => event.type === 'job-started').map(({ job }) => job);
    expect(started).toEqual(['meta', 'meta', 'module-1', 'module-0', 'finetune', 'evaluate']);
    expect(events.filter((event) => event.type === 'reconfigured')).toMatchObject([
      { changes: [{ key: 'devices.slots', from: 1, to: 2 }] },
    ]);
  });
});

describe('a training that diverges', () => {
  const hot = ['--set', 'phases.finetune.lr=1e30', '--set', 'phases.finetune.clip=null'];

  it('fails with job, step and loss; what is saved is finite; a later session may go back, within the limit', async () => {
    const { exitCode, stderr } = await runCli(train('diverged', ...hot));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/finetune failed: the loss of finetune is NaN at step \d+ \(epoch 1\)/);
    expect(stderr).toContain('execution.onNonFinite');
    const policy = ['--set', 'execution.onNonFinite=rollback', '--set', 'execution.nonFiniteLimit=1'];
    expect((await resume('diverged', ...policy)).exitCode).toBe(3);
    const again = await resume('diverged', ...policy, '--force');
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toContain('after 1 returns to a checkpoint');
    const events = await journalOf(directoryOf('diverged'));
    expect(events.filter((event) => event.type === 'rolled-back')).toHaveLength(1);
    const saved = await readdir(join(directoryOf('diverged'), 'jobs', 'finetune', 'checkpoints')).catch(() => []);
    const diverged = /at step (\d+)/.exec(stderr)?.[1];
    for (const name of saved) expect(Number(name.slice('step-'.length))).toBeLessThanOrEqual(Number(diverged));
  });
});

import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runCli } from '../support/cli.ts';
import { journalOf, startCli, untilEvent } from '../support/run.ts';
import { torchTest } from '../support/torch.ts';

const config = `
model: { name: vit-tiny, width: 16, heads: 2, depth: 2, patch: 8, imageSize: 16 }
division: { modules: 2 }
training: { batchSize: 16 }
data: { shapes: { train: 64, validation: 32 } }
phases: { meta: { epochs: 1 }, incubate: { epochs: 4 }, finetune: { epochs: 1 } }
checkpoint: { everySteps: 1 }
`;

torchTest('a run on torch ends with the same weights, killed and resumed or not, near those of cpu', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'torch run '));
  await writeFile(join(folder, 'tiny.yaml'), config);
  const results = [];
  for (const [run, engine] of [
    ['first', 'torch'],
    ['killed', 'torch'],
    ['other', 'cpu'],
  ] as const) {
    const args = ['--config', join(folder, 'tiny.yaml'), '--engine', engine, '--threads', '1', '--run', run];
    if (run === 'killed') {
      const child = startCli(['train', ...args, '--runs-dir', folder]);
      await untilEvent(
        join(folder, run),
        ({ type, job, step }) => type === 'checkpoint' && job === 'module-1' && step === 2,
      );
      child.kill('SIGKILL');
      await child;
    }
    const { exitCode, stderr } = await runCli(['train', ...args, '--runs-dir', folder, '--json']);
    expect([exitCode, stderr]).toEqual([0, expect.not.stringMatching(/error/)]);
    const { plan } = JSON.parse(await readFile(join(folder, run, 'run.json'), 'utf8'));
    expect(JSON.stringify(plan)).toContain(`"${engine}"`);
    results.push(await readFile(join(folder, run, 'jobs/finetune/weights.safetensors')));
  }
  const [first, killed, other] = results as [Buffer, Buffer, Buffer];
  expect((await journalOf(join(folder, 'killed'))).map(({ type }) => type)).toContain('resumed');
  expect(killed.equals(first)).toBe(true);
  expect(other.equals(first)).toBe(false);
  const weightsOf = (file: Buffer) => {
    const start = 8 + Number(file.readBigUInt64LE(0));
    return new Float32Array(file.buffer.slice(file.byteOffset + start, file.byteOffset + file.length));
  };
  const expected = weightsOf(other);
  const distance = weightsOf(first).reduce(
    (most, value, at) => Math.max(most, Math.abs(value - (expected[at] as number))),
    0,
  );
  expect(distance).toBeLessThan(1e-3);
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { runCli } from '../../support/cli.ts';

const positive = z.number().positive();
const document = z.strictObject({
  source: z.string(),
  images: z.int().positive(),
  seconds: positive,
  imagesPerSecond: positive,
  threads: z.int().positive(),
  cached: z.boolean(),
  image: z.strictObject({ sample: z.int().positive(), decode: positive, transform: positive, decodeShare: positive }),
});

it('data bench measures the configured pipeline, from memory or decoded anew', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'incubate bench 🐣 '));
  const images = join(folder, 'images');
  await runCli([
    'data',
    'shapes',
    '--out',
    images,
    '--train',
    '40',
    '--validation',
    '10',
    '--size',
    '48',
    '--format',
    'jpg',
  ]);
  const bench = (...more: string[]) =>
    runCli(['data', 'bench', images, '--seconds', '0.2', '--batch-size', '8', '--set', 'model.imageSize=48', ...more]);
  const kept = await bench('--json');
  expect({ stderr: kept.stderr, exitCode: kept.exitCode }).toEqual({ stderr: '', exitCode: 0 });
  const found = document.parse(JSON.parse(kept.stdout));
  expect(found).toMatchObject({ source: images, image: { sample: 40 } });
  expect(found.images % 8).toBe(0);
  expect(found.imagesPerSecond).toBeCloseTo(found.images / found.seconds, 6);

  const cropped = await bench('--set', 'data.crop.scale=[0.2,1]', '--set', 'data.randAugment=rand-m9-inc1');
  expect(cropped.stdout).toMatch(/^batches {4}\d+ images in .* a second, decoded anew/m);
  expect(cropped.stdout).toMatch(/^ {2}transform {2}/m);
  const missing = await runCli(['data', 'bench', join(folder, 'nothing'), '--seconds', '1']);
  expect({ stdout: missing.stdout, exitCode: missing.exitCode }).toEqual({ stdout: '', exitCode: 7 });
  await rm(folder, { recursive: true });
});

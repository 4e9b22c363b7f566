import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { openDataset } from '../../../src/data/open.ts';
import { shapeClasses } from '../../../src/data/shapes/distance.ts';
import { renderShape, SHAPES_VERSION, shapeLabel } from '../../../src/data/shapes/render.ts';
import { writeShapes } from '../../../src/data/shapes/write.ts';

describe('generated shapes', () => {
  it('are the same for the same key and differ otherwise', () => {
    const image = renderShape(0, 'train', 5, 32, 3);
    expect(renderShape(0, 'train', 5, 32, 3)).toEqual(image);
    for (const other of [
      renderShape(1, 'train', 5, 32, 3),
      renderShape(0, 'validation', 5, 32, 3),
      renderShape(0, 'train', 15, 32, 3),
    ]) {
      expect(other).not.toEqual(image);
    }
  });

  it('keep their version as long as they stay the same images', () => {
    const hash = createHash('sha256');
    for (let index = 0; index < 40; index++) hash.update(renderShape(0, 'train', index, 32, 3));
    // A change here needs a new SHAPES_VERSION, or resumed runs would go on with other images.
    expect([SHAPES_VERSION, hash.digest('hex')]).toEqual([
      2,
      '872bbeb81d6e155fff76b3a472ff3eea38016bf0bb15657dadd1d2409894ab2c',
    ]);
  });

  it('are balanced over ten classes', () => {
    const counts = new Array(10).fill(0);
    for (let index = 0; index < 100; index++) counts[shapeLabel(index)] += 1;
    expect(counts).toEqual(new Array(10).fill(10));
    expect(new Set(shapeClasses.map(({ name }) => name)).size).toBe(10);
  });

  it.each(shapeClasses)('$name lies within the unit disc and has an inside and an outside', ({ distance }) => {
    let inside = 0;
    for (let y = -1.5; y <= 1.5; y += 0.05) {
      for (let x = -1.5; x <= 1.5; x += 0.05) {
        if (distance(x, y) >= 0) continue;
        inside += 1;
        expect(Math.hypot(x, y)).toBeLessThan(1.06);
      }
    }
    // Between a sixth and all of the disc's area.
    expect(inside * 0.05 ** 2).toBeGreaterThan(Math.PI / 6.5);
  });

  it('are brighter than what is around them', () => {
    for (let index = 0; index < 50; index++) {
      const image = renderShape(0, 'train', index, 32, 1);
      const border = [...image.subarray(0, 32), ...image.subarray(-32)];
      expect(Math.max(...image)).toBeGreaterThan(border.reduce((sum, value) => sum + value, 0) / border.length + 40);
    }
  });

  it('open as a data set and are written as the same images', async () => {
    const config = runConfigSchema.parse({ model: { imageSize: 16 }, data: { shapes: { train: 20, validation: 10 } } });
    const generated = await openDataset(config);
    const folder = join(await mkdtemp(join(tmpdir(), 'incubate shapes ')), 'out');
    await writeShapes(folder, { train: 20, validation: 10, size: 16, seed: 0, format: 'png' });
    const written = await openDataset({ ...config, data: { ...config.data, source: folder } });
    expect(written.identity.classes).toEqual(generated.identity.classes);
    expect([written.train.length, written.validation.length]).toEqual([20, 10]);
    // Files are sorted by class, generated images take turns.
    expect(new Uint8Array(await written.train.image(2))).toEqual(new Uint8Array(await generated.train.image(1)));
    await expect(
      writeShapes(folder, { train: 10, validation: 10, size: 16, seed: 0, format: 'png' }),
    ).rejects.toMatchObject({ code: 'DATA_EXISTS' });
    await rm(folder, { recursive: true });
    await writeFile(folder, 'a file');
    await expect(
      writeShapes(folder, { train: 10, validation: 10, size: 16, seed: 0, format: 'png' }),
    ).rejects.toMatchObject({ code: 'DATA_EXISTS' });
    expect(await readdir(join(folder, '..'))).toEqual(['out']);
    await rm(join(folder, '..'), { recursive: true });
  });

  it('tell how far their writing is, and leave nothing behind where it fails', async () => {
    const root = await mkdtemp(join(tmpdir(), 'incubate shapes '));
    const seen: number[] = [];
    const options = { train: 10, validation: 10, size: 8, seed: 0, format: 'jpg' } as const;
    await writeShapes(join(root, 'new', 'out'), {
      ...options,
      onProgress: (written, total) => seen.push(written / total),
    });
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => (index + 1) / 20));
    expect(await readdir(join(root, 'new'))).toEqual(['out']);
    expect(await readdir(join(root, 'new', 'out', 'val', 'ring'))).toEqual(['00001.jpg']);
    await expect(
      writeShapes(join(root, 'half'), {
        ...options,
        onProgress(written) {
          if (written === 15) throw new Error('no space left');
        },
      }),
    ).rejects.toMatchObject({ code: 'ENVIRONMENT_WRITE' });
    expect(await readdir(root)).toEqual(['new']);
    await rm(root, { recursive: true });
  });
});

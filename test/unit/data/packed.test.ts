import { copyFile, cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { assertSameDataset } from '../../../src/data/identity.ts';
import { describeDataset, openDataset } from '../../../src/data/open.ts';
import { preparePacked } from '../../../src/data/prepare.ts';
import { renderShape, shapeLabel } from '../../../src/data/shapes/render.ts';
import { writeShapes } from '../../../src/data/shapes/write.ts';
import { dataConfig } from '../../support/data-config.ts';

let root: string;
let folder: string;
let whole: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'incubate packed 🖼 '));
  folder = join(root, 'images');
  await writeShapes(folder, { train: 40, validation: 20, size: 16, seed: 0, format: 'png' });
  whole = join(root, 'whole');
  await preparePacked(dataConfig(folder, {}, { imageSize: 16 }), whole);
});
afterAll(() => rm(root, { recursive: true }));

let out: string;
beforeEach(async () => {
  out = join(root, 'copy');
  await rm(out, { recursive: true, force: true });
  await cp(whole, out, { recursive: true });
});

describe('a packed set', () => {
  it.each([2048, 0])('has the images of its source, with %d MiB of memory', async (cacheMiB) => {
    const { identity, train, validation } = await openDataset(dataConfig(out, { cacheMiB }, { imageSize: 16 }));
    expect([train.length, validation.length, identity.classes.length]).toEqual([40, 20, 10]);
    // Files are sorted by class: four images of each in training, of which image i of class c is generated image 10i + c.
    for (let index = 0; index < 40; index++) {
      const [label, place] = [Math.floor(index / 4), index % 4];
      const generated = 10 * place + label;
      expect([train.label(index), label]).toEqual([shapeLabel(generated), shapeLabel(generated)]);
      expect(new Uint8Array(await train.image(index))).toEqual(renderShape(0, 'train', generated, 16, 3));
    }
    expect(new Uint8Array(await validation.image(3))).toEqual(renderShape(0, 'validation', 11, 16, 3));
  });

  it('is resized where a model takes another size', async () => {
    const { train } = await openDataset(dataConfig(out, {}, { imageSize: 8, channels: 1 }));
    expect((await train.image(0)).length).toBe(64);
  });

  it('holds what the options say: grey, another size, a subset', async () => {
    const small = join(root, 'small');
    const config = dataConfig(folder, { shots: 2, validationLimit: '50%' }, { imageSize: 8, channels: 1 });
    const { size, channels, splits } = await preparePacked(config, small);
    expect([size, channels, splits.train.images, splits.validation.images]).toEqual([8, 1, 20, 10]);
    const source = await openDataset(config);
    const packed = await openDataset(dataConfig(small, {}, { imageSize: 8, channels: 1 }));
    for (let index = 0; index < 20; index++) {
      expect(new Uint8Array(await packed.train.image(index))).toEqual(new Uint8Array(await source.train.image(index)));
    }
    await rm(small, { recursive: true });
  });

  it('made again is the same set, and of changed images another', async () => {
    const before = await describeDataset(dataConfig(out));
    const again = join(root, 'again');
    await preparePacked(dataConfig(folder, {}, { imageSize: 16 }), again);
    const { fingerprint } = await describeDataset(dataConfig(again));
    expect(fingerprint).toBe(before.fingerprint);
    await rm(again, { recursive: true });
    await preparePacked(dataConfig(folder, {}, { imageSize: 12 }), again);
    const other = await describeDataset(dataConfig(again));
    expect(() => assertSameDataset(before, other)).toThrow(expect.objectContaining({ code: 'DATA_CHANGED' }));
    await rm(again, { recursive: true });
  });

  it.each(['train.pixels', 'train.labels', 'validation.pixels', 'validation.labels', 'packed.json'])(
    'is refused where any byte of %s has changed',
    async (name) => {
      const path = join(out, name);
      const content = await readFile(path);
      for (const share of [0, 0.3, 0.999]) {
        const changed = Uint8Array.from(content);
        const at = Math.floor(share * content.length);
        changed[at] = (changed[at] as number) ^ 1;
        await writeFile(path, changed);
        const error = await openDataset(dataConfig(out)).catch((caught: unknown) => caught);
        expect(error).toMatchObject({
          code: 'DATA_PACKED',
          message: expect.stringContaining(name),
          hint: expect.stringContaining('data prepare'),
        });
        await expect(openDataset(dataConfig(out, { cacheMiB: 0 }))).rejects.toMatchObject({ code: 'DATA_PACKED' });
      }
      await truncate(path, content.length - 1);
      await expect(describeDataset(dataConfig(out))).rejects.toMatchObject({ code: 'DATA_PACKED' });
      await rm(path);
      await expect(describeDataset(dataConfig(out, { format: 'packed' }))).rejects.toMatchObject({
        code: 'DATA_PACKED',
      });
    },
  );

  it('of another version is refused', async () => {
    const path = join(out, 'packed.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"packed": 1', '"packed": 2'));
    await expect(describeDataset(dataConfig(out))).rejects.toThrow(/its version is 2 instead of 1/);
  });
});

describe('preparing', () => {
  it('tells how far it is, and what a failure leaves is nothing', async () => {
    const spoilt = join(root, 'spoilt');
    await cp(folder, spoilt, { recursive: true });
    await copyFile(join(root, 'whole/packed.json'), join(spoilt, 'val/star/00001.png'));
    const seen: number[] = [];
    const target = join(root, 'new folder/half');
    const onProgress = (done: number, total: number) => seen.push(done / total);
    await expect(
      preparePacked(dataConfig(spoilt, {}, { imageSize: 16 }), target, { onProgress }),
    ).rejects.toMatchObject({ code: 'DATA_IMAGE', message: expect.stringContaining('val/star/00001.png') });
    expect(seen.length).toBeGreaterThanOrEqual(40);
    expect(await readdir(join(root, 'new folder'))).toEqual([]);
    await preparePacked(dataConfig(folder, {}, { imageSize: 16 }), target);
    expect((await readdir(target)).sort()).toEqual([
      'packed.json',
      'train.labels',
      'train.pixels',
      'validation.labels',
      'validation.pixels',
    ]);
  });

  it('does not write over anything', async () => {
    await expect(preparePacked(dataConfig(folder), out)).rejects.toMatchObject({ code: 'DATA_EXISTS' });
    await expect(preparePacked(dataConfig(folder), join(out, 'packed.json'))).rejects.toMatchObject({
      code: 'DATA_EXISTS',
    });
  });
});

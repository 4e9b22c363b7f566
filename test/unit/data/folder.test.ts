import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { beforeEach, describe, expect, it } from 'vitest';
import { type RunConfig, runConfigSchema } from '../../../src/config/schema.ts';
import { decodeImage } from '../../../src/data/decode.ts';
import { assertSameDataset } from '../../../src/data/identity.ts';
import { describeDataset, openDataset } from '../../../src/data/open.ts';
import { scanImageFolder } from '../../../src/data/sources/folder.ts';
import { limitPerClass } from '../../../src/data/subset.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'incubate data 🖼 '));
  return () => rm(root, { recursive: true });
});

const flat = (red: number, green: number, blue: number, width = 8, height = 8) =>
  sharp({ create: { width, height, channels: 3, background: { r: red, g: green, b: blue } } });

async function put(path: string, bytes?: Uint8Array) {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), bytes ?? (await flat(10, 20, 30).png().toBuffer()));
}
const scan = (holdout = 0.25) => scanImageFolder(root, { holdout, seed: 0 });
const config = (data: object = {}): RunConfig =>
  runConfigSchema.parse({ model: { imageSize: 8 }, data: { source: root, ...data } });

describe('an image folder', () => {
  it.each(['val', 'validation', 'valid', 'test'])('with train and %s folders is taken as it is', async (name) => {
    for (const path of ['train/b/1.png', 'train/b/2.JPG', 'train/a/1.png', `${name}/a/9.png`, `${name}/b/9.webp`])
      await put(path);
    await put('train/a/notes.txt');
    await put('train/a/.hidden.png');
    const { classes, train, validation, ignored } = await scan();
    expect(classes).toEqual(['a', 'b']);
    expect(ignored).toBe(1);
    expect(train.map(({ path, label }) => [path, label])).toEqual([
      ['train/a/1.png', 0],
      ['train/b/1.png', 1],
      ['train/b/2.JPG', 1],
    ]);
    expect(validation.map(({ path }) => path)).toEqual([`${name}/a/9.png`, `${name}/b/9.webp`]);
  });

  it('without splits holds out the same share of every class, always the same images', async () => {
    for (const name of ['cat', 'dog']) for (let index = 0; index < 8; index++) await put(`${name}/${index}.png`);
    const { train, validation } = await scan();
    expect([train.length, validation.length]).toEqual([12, 4]);
    expect(validation.filter(({ label }) => label === 0)).toHaveLength(2);
    expect((await scan()).validation).toEqual(validation);
    expect(train.some((image) => validation.includes(image))).toBe(false);
  });

  it('keeps what it held out when images are added', async () => {
    for (const name of ['cat', 'dog']) for (let index = 0; index < 20; index++) await put(`${name}/${index}.png`);
    const before = await scan();
    await put('cat/new.png');
    const after = await scan();
    const paths = (images: readonly { path: string }[]) => images.map(({ path }) => path);
    expect(paths(before.validation).filter((path) => !paths(after.validation).includes(path)).length).toBeLessThan(2);
    expect(paths((await scanImageFolder(root, { holdout: 0.25, seed: 1 })).validation)).not.toEqual(
      paths(after.validation),
    );
  });

  it('may have odd names and links', async () => {
    for (const name of ['-a', 'ü\nmlaut', 'b c'])
      for (const file of ['-1.png', '2 \n.png', 'ß.png', 'q?.png', '[1].png', 'a.png[page=9].png', '%s:2.png'])
        await put(`${name}/${file}`);
    await symlink(root, join(root, 'b c', 'loop'));
    await symlink('nowhere.png', join(root, 'b c', 'broken.png'));
    await symlink('self.png', join(root, 'b c', 'self.png'));
    const { classes, train, validation } = await scan();
    expect(classes).toEqual(['-a', 'b c', 'ü\nmlaut']);
    expect(train.length + validation.length).toBe(21);
    const dataset = await openDataset(config({ holdout: 0.1 }));
    expect(dataset.train.length).toBe(18);
    for (let index = 0; index < dataset.train.length; index++)
      expect((await dataset.train.image(index)).length).toBe(192);
  });

  it.each([
    ['DATA_FOLDER', /does not exist/, async () => rm(root, { recursive: true })],
    ['DATA_EMPTY', /no class folders/, async () => {}],
    ['DATA_CLASSES', /only the class folder 'a'/, async () => put('a/1.png')],
    [
      'DATA_EMPTY',
      /class folder .*b holds no images, only 1 other file/,
      async () => Promise.all([put('a/1.png'), put('b/readme.txt')]),
    ],
    [
      'DATA_CLASSES',
      /val\/ has the class 'c', but train\/ has not/,
      async () =>
        Promise.all(['train/a/1.png', 'train/b/1.png', 'val/a/1.png', 'val/c/1.png'].map((path) => put(path))),
    ],
    ['DATA_EMPTY', /single image/, async () => Promise.all([put('a/1.png'), put('b/1.png')])],
  ])('fails with %s (%s)', async (code, message, prepare) => {
    await prepare();
    const error = await scan().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message), hint: expect.any(String) });
    await mkdir(root, { recursive: true });
  });

  it('has the fingerprint of its sorted paths and sizes, as runs of the first versions recorded it', async () => {
    for (const path of ['train/b/ü.png', 'train/a/1.png', 'val/a/1.png', 'val/b/1.png']) await put(path);
    const { size } = await stat(join(root, 'train/a/1.png'));
    const lines = ['train/a/1.png', 'train/b/ü.png', 'val/a/1.png', 'val/b/1.png'].map(
      (path) => `["${path}",${size}]\n`,
    );
    const sha256 = createHash('sha256').update(lines.join('')).digest('hex');
    expect((await describeDataset(config())).fingerprint).toBe(sha256);
  });

  it('that has changed is told from what it was', async () => {
    for (const path of ['a/1.png', 'a/2.png', 'b/1.png', 'b/2.png']) await put(path);
    const before = await describeDataset(config());
    assertSameDataset(before, await describeDataset(config()));
    await put('b/2.png', await flat(1, 2, 3, 30, 30).jpeg().toBuffer());
    const resized = await describeDataset(config());
    expect(() => assertSameDataset(before, resized)).toThrow(
      expect.objectContaining({ code: 'DATA_CHANGED', message: expect.stringMatching(/sizes/) }),
    );
    await put('b/3.png');
    const more = await describeDataset(config());
    expect(() => assertSameDataset(before, more)).toThrow(/training images 2 → 3/);
    expect(() => assertSameDataset(before, { ...before, classes: ['a', 'c'] })).toThrow(/classes a, b → a, c/);
  });

  it('is limited evenly over its classes', () => {
    const items = Array.from({ length: 100 }, (_, index) => ({ label: index % 4, index }));
    const chosen = limitPerClass(items, 22, 0, 'train');
    expect(chosen).toHaveLength(22);
    for (let label = 0; label < 4; label++)
      expect(Math.abs(chosen.filter((item) => item.label === label).length - 5.5)).toBeLessThan(1);
    expect(limitPerClass(items, 22, 0, 'train')).toEqual(chosen);
    expect(limitPerClass(items, 22, 1, 'train')).not.toEqual(chosen);
    expect(limitPerClass(items, 200, 0, 'train')).toBe(items);
  });
});

describe('decoding', () => {
  const decode = (name: string, options: object = {}) =>
    decodeImage(join(root, name), { size: 4, channels: 3, resize: 'crop', ...options });
  const pixel = (bytes: Uint8Array, index = 0) => [...bytes.subarray(index * 3, index * 3 + 3)];

  it('crops the centre or stretches', async () => {
    // Red, green and blue thirds of an image three times as wide as it is high.
    const thirds = await Promise.all(
      [flat(255, 0, 0, 4, 4), flat(0, 255, 0, 4, 4), flat(0, 0, 255, 4, 4)].map((image) => image.png().toBuffer()),
    );
    const wide = await flat(0, 0, 0, 12, 4)
      .composite(thirds.map((input, index) => ({ input, left: index * 4, top: 0 })))
      .png()
      .toBuffer();
    await put('wide.png', wide);
    const cropped = await decode('wide.png');
    expect(cropped.length).toBe(48);
    for (let index = 0; index < 16; index++) expect(pixel(cropped, index)).toEqual([0, 255, 0]);
    const stretched = await decode('wide.png', { resize: 'stretch' });
    expect((pixel(stretched)[0] as number) > 150 && (pixel(stretched, 3)[2] as number) > 150).toBe(true);
  });

  it('leaves an image of the right size alone', async () => {
    const pixels = Uint8Array.from({ length: 48 }, (_, index) => index * 5);
    await put(
      'exact.png',
      await sharp(pixels, { raw: { width: 4, height: 4, channels: 3 } })
        .png()
        .toBuffer(),
    );
    expect(new Uint8Array(await decode('exact.png'))).toEqual(pixels);
  });

  it('turns every kind of image into 8-bit RGB or grey', async () => {
    const grey = sharp({ create: { width: 9, height: 5, channels: 3, background: '#808080' } });
    await put('grey.png', await grey.clone().toColourspace('b-w').png().toBuffer());
    await put('deep.png', await grey.clone().toColourspace('rgb16').png().toBuffer());
    await put('cmyk.jpg', await grey.clone().toColourspace('cmyk').jpeg().toBuffer());
    await put(
      'ghost.png',
      await sharp({ create: { width: 9, height: 5, channels: 4, background: { r: 128, g: 128, b: 128, alpha: 1 } } })
        .toColourspace('b-w')
        .png()
        .toBuffer(),
    );
    await put('one.png', await flat(128, 128, 128, 1, 1).png().toBuffer());
    for (const name of ['grey.png', 'ghost.png', 'deep.png', 'cmyk.jpg', 'one.png']) {
      const colour = await decode(name);
      expect(colour.length, name).toBe(48);
      for (const value of colour) expect(Math.abs(value - 128), name).toBeLessThan(16);
      expect((await decode(name, { channels: 1 })).length, name).toBe(16);
    }
  });

  it('puts transparency on black and takes the first frame', async () => {
    await put(
      'clear.png',
      await sharp({ create: { width: 4, height: 4, channels: 4, background: { r: 255, g: 255, b: 255, alpha: 0 } } })
        .png()
        .toBuffer(),
    );
    expect(pixel(await decode('clear.png'))).toEqual([0, 0, 0]);
    const frames = Buffer.concat([Buffer.alloc(48, 200), Buffer.alloc(48, 10)]);
    await put(
      'moving.gif',
      await sharp(frames, { raw: { width: 4, height: 8, channels: 3, pageHeight: 4 } })
        .gif()
        .toBuffer(),
    );
    expect(Math.abs((pixel(await decode('moving.gif'))[0] as number) - 200)).toBeLessThan(8);
  });

  it('turns an image as its EXIF data say', async () => {
    const top = await flat(255, 255, 255, 8, 4).png().toBuffer();
    const image = flat(0, 0, 0, 8, 8).composite([{ input: top, left: 0, top: 0 }]);
    // Orientation 3: the image is stored upside down.
    await put(
      'turned.jpg',
      await sharp(await image.png().toBuffer())
        .withMetadata({ orientation: 3 })
        .jpeg()
        .toBuffer(),
    );
    const decoded = await decode('turned.jpg');
    expect(pixel(decoded)[0]).toBeLessThan(30);
    expect(pixel(decoded, 15)[0]).toBeGreaterThan(225);
  });

  it('goes on while a training step blocks the thread', async () => {
    await put('any.png');
    await decode('any.png');
    let decoded = 0;
    const all = Promise.all(Array.from({ length: 40 }, () => decode('any.png').then(() => decoded++)));
    await new Promise(setImmediate);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
    // One turn of the event loop to be told of what is done.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(decoded).toBe(40);
    await all;
  });

  it('names a file that it cannot read, and why', async () => {
    const jpeg = await flat(9, 9, 9, 64, 64).jpeg().toBuffer();
    await put('truncated.jpg', jpeg);
    await truncate(join(root, 'truncated.jpg'), Math.floor(jpeg.length / 2));
    await put('text.png', new TextEncoder().encode('no image'));
    await put('empty.png', new Uint8Array());
    for (const name of ['truncated.jpg', 'text.png', 'empty.png', 'missing.png']) {
      const error = await decode(name).catch((caught: unknown) => caught);
      expect(error, name).toMatchObject({ code: 'DATA_IMAGE', message: expect.stringContaining(name) });
    }
  });
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import sharp from 'sharp';
import { beforeEach, describe, expect, it } from 'vitest';
import { assertSameDataset } from '../../../src/data/identity.ts';
import { describeDataset, openDataset } from '../../../src/data/open.ts';
import { parseCsv } from '../../../src/data/sources/csv.ts';
import { dataConfig } from '../../support/data-config.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'incubate manifest 🖼 '));
  return () => rm(root, { recursive: true });
});

async function image(path: string, level: number): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  const background = { r: level, g: level, b: level };
  await writeFile(
    join(root, path),
    await sharp({ create: { width: 4, height: 4, channels: 3, background } })
      .png()
      .toBuffer(),
  );
}
async function manifest(name: string, content: string): Promise<string> {
  await mkdir(dirname(join(root, name)), { recursive: true });
  await writeFile(join(root, name), content);
  return join(root, name);
}
const config = (source: string, data: object = {}) => dataConfig(source, data, { imageSize: 4 });
const odd = ['plain.png', '-dash.png', 'with, comma.png', 'with "quotes".png', 'new\nline.png', 'ü 🐣.png', '[1].png'];

describe('a manifest', () => {
  it('in CSV may have quoted fields with anything in them, and splits', async () => {
    for (const [index, name] of odd.entries()) await image(`images/${name}`, 10 * index);
    await image('other.png', 200);
    const quote = (field: string) => `"${field.replaceAll('"', '""')}"`;
    const rows = odd.map(
      (name, index) => `${quote(`../images/${name}`)},${index % 2 === 0 ? 'even' : '"odd, too"'},train,x`,
    );
    const path = await manifest(
      'lists/all.csv',
      `\uFEFFpath,label,split,more\r\n${rows.join('\r\n')}\r\n\r\n${join(root, 'other.png')},even,val,\r\n`,
    );
    const { identity, train, validation } = await openDataset(config(path));
    expect(identity.classes).toEqual(['even', 'odd, too']);
    expect([train.length, validation.length]).toEqual([7, 1]);
    for (let index = 0; index < 7; index++) {
      expect([train.label(index), (await train.image(index))[0]]).toEqual([index % 2, 10 * index]);
    }
    expect((await validation.image(0))[0]).toBe(200);
  });

  it('in JSON lines may have numbers as labels', async () => {
    for (const [index, name] of odd.entries()) await image(name, 10 * index);
    const lines = odd.map((path, index) => JSON.stringify({ path, label: index % 2 === 0 ? 10 : 9, note: 'any' }));
    const path = await manifest('list.jsonl', `${lines.join('\n')}\n\n`);
    const { identity, train, validation } = await openDataset(config(path, { holdout: 0.3 }));
    expect(identity.classes).toEqual(['9', '10']);
    expect(train.length + validation.length).toBe(7);
    // Held out by name: an image of each class at least.
    expect(new Set(Array.from({ length: validation.length }, (_, index) => validation.label(index))).size).toBe(2);
    const alone = await describeDataset(config(root, { format: 'manifest' }));
    expect(alone.train + alone.validation).toBe(7);
  });

  it('passes over a further split', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await image(`${name}.png`, 1);
    const path = await manifest('list.csv', 'split,path,label\n,a.png,0\n,b.png,1\ntest,c.png,0\nval,d.png,1\n');
    const { train, validation } = await describeDataset(config(path));
    expect([train, validation]).toEqual([2, 1]);
  });

  it('that says something else, or whose files have other sizes, is another data set', async () => {
    for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) await image(`${name}.png`, index);
    const text = 'path,label,split\na.png,x,train\nb.png,y,train\nc.png,x,val\nd.png,y,val\n';
    const path = await manifest('list.csv', text);
    const before = await describeDataset(config(path));
    await manifest('list.csv', text.replace('c.png,x', 'c.png,y'));
    const relabelled = await describeDataset(config(path));
    expect(() => assertSameDataset(before, relabelled)).toThrow(expect.objectContaining({ code: 'DATA_CHANGED' }));
    await manifest('list.csv', text);
    assertSameDataset(before, await describeDataset(config(path)));
    await writeFile(join(root, 'b.png'), 'other');
    const replaced = await describeDataset(config(path));
    expect(() => assertSameDataset(before, replaced)).toThrow(expect.objectContaining({ code: 'DATA_CHANGED' }));
  });

  it.each<[string, string, RegExp, string?]>([
    ['list.csv', '', /it is empty/],
    ['list.csv', 'file,label\na.png,0\n', /line 1: there is no column 'path'/],
    ['list.csv', 'path,label,path\na.png,0,b.png\n', /column 'path' is there twice/],
    ['list.csv', 'path,label\na.png\n', /line 2: it has 1 fields, but the header has 2/],
    ['list.csv', 'path,label\n"a.png,0\n', /line 2: a quoted field does not end/],
    ['list.csv', 'path,label\n"a.png"x,0\n', /line 2: something stands behind a quoted field/],
    ['list.csv', 'path,label\na".png,0\n', /line 2: a quote stands within a field/],
    ['list.csv', 'path,label\n"a\nb.png",0\n,1\n', /line 4: the path is empty/],
    ['list.csv', 'path,label\na.png,\n', /line 2: the label is empty/],
    ['list.csv', 'path,label\na.png,0\nmissing.png,1\n', /line 3: "missing.png" does not exist/],
    ['list.csv', 'path,label\na.png,0\n.,1\n', /line 3: "\." is no file/],
    ['list.csv', 'path,label\na.png,0\na.png,1\n', /line 3: "a.png" is listed in line 2 already/],
    ['list.csv', 'path,label,split\na.png,0,dev\n', /line 2: the split 'dev' is none of train training val/],
    ['list.csv', 'path,label\n\uD800', /is empty|line/],
    ['list.jsonl', '{"path":"a.png","label":0}\n{"path":', /line 2: it is no JSON/],
    ['list.jsonl', '[1]\n', /line 1: it is no JSON object/],
    ['list.jsonl', '{"path":1,"label":0}\n', /line 1: 'path' is no text/],
    ['list.jsonl', '{"path":"a.png","label":0.5}\n', /line 1: 'label' is neither/],
    ['list.jsonl', '{"path":"a.png","label":0,"split":1}\n', /line 1: 'split' is no text/],
    ['list.csv', 'path,label\n', /lists no training images/, 'DATA_EMPTY'],
    ['list.csv', 'path,label\na.png,0\n', /only the class '0'/, 'DATA_CLASSES'],
  ])('%s with %j is refused', async (name, content, message, code = 'DATA_MANIFEST') => {
    await image('a.png', 1);
    const path = await manifest(name, content);
    const error = await describeDataset(config(path)).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message), hint: expect.any(String) });
  });

  it('that is not UTF-8 is refused, and a folder of several', async () => {
    await writeFile(join(root, 'list.csv'), Buffer.from([0x70, 0xff, 0xfe]));
    await expect(describeDataset(config(join(root, 'list.csv')))).rejects.toThrow(/it is not UTF-8/);
    await manifest('more.csv', '');
    await expect(describeDataset(config(root, { format: 'manifest' }))).rejects.toMatchObject({ code: 'DATA_FORMAT' });
  });
});

it('tables are read as Python writes and reads them', async () => {
  const rows = [
    ['a', 'b,c', 'd"e'],
    ['', '""', '\n'],
    ['\r\n', ',', 'ü🐣'],
    ['x', '', ''],
  ];
  const program = `
import csv, json, sys
csv.writer(sys.stdout, lineterminator=sys.argv[2]).writerows(json.loads(sys.argv[1]))
`;
  for (const end of ['\n', '\r\n']) {
    const { stdout } = await execa('python3', ['-c', program, JSON.stringify(rows), end], {
      stripFinalNewline: false,
      env: { PYTHONIOENCODING: 'utf-8' },
    });
    expect(parseCsv(stdout).map(({ fields }) => fields)).toEqual(rows);
  }
});

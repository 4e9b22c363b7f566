import { describe, expect, it } from 'vitest';
import { checkConfig } from '../../../src/config/checks.ts';
import { type RunConfig, runConfigSchema } from '../../../src/config/schema.ts';
import { batchesPerEpoch } from '../../../src/data/batches.ts';
import { findImages } from '../../../src/data/images.ts';
import { modulesOf } from '../../../src/methods/table.ts';
import { assertModelReads, buildArchitecture, metaArchitecture } from '../../../src/models/registry.ts';

const TOKENS = 256;
const text = (settings: { readonly model?: object; readonly data?: object } = {}): RunConfig =>
  runConfigSchema.parse({
    ...settings,
    model: { name: 'gpt-nano', ...settings.model },
    data: { format: 'text', ...settings.data },
  });

describe('models and data', () => {
  it.each([
    ['vit-tiny', 'text', 'vision transformers such as vit-tiny read images, but data.format is text', 'gpt-nano'],
    ['resnet-20', 'text', 'residual networks such as resnet-20 read images, but data.format is text', 'lstm'],
    ['gpt-nano', 'auto', 'decoders such as gpt-nano read text, but data.format is auto', 'vit-tiny'],
    ['gru', 'folder', 'recurrent networks such as gru read text, but data.format is folder', 'resnet-20'],
  ])('%s and %s do not go together', (name, format, message, other) => {
    expect(() => assertModelReads(text({ model: { name }, data: { format } }))).toThrow(
      expect.objectContaining({ code: 'CONFIG_MODEL', message, hint: expect.stringContaining(other) }),
    );
  });

  it.each([
    ['vit-tiny', 'auto'],
    ['resnet-20', 'tar'],
    ['gpt-small', 'text'],
    ['lstm', 'text'],
  ])('%s and %s do', (name, format) => {
    expect(() => assertModelReads(text({ model: { name }, data: { format } }))).not.toThrow();
  });

  it('unknown models are named with the nearest one', () => {
    expect(() => assertModelReads(text({ model: { name: 'gpt-nani' } }))).toThrow(
      expect.objectContaining({ code: 'CONFIG_MODEL', hint: expect.stringContaining("'gpt-nano'") }),
    );
  });

  it('text is not read as images', async () => {
    await expect(findImages(text({ data: { source: '/tmp' } }), {} as never)).rejects.toMatchObject({
      code: 'DATA_FORMAT',
    });
  });
});

describe('settings', () => {
  it.each([
    [{ shots: 3 }, 'data.shots 3 asks for images of every class, but text has none'],
    [{ repeats: 2 }, 'data.repeats 2 repeats images, but the data is text'],
  ])('of images that text cannot have are problems: %j', (data, message) => {
    expect(checkConfig(text({ data }))).toEqual([
      { code: 'CONFIG_VALUE', message, hint: expect.stringContaining('Set ') },
    ]);
    expect(checkConfig(text())).toEqual([]);
  });

  it('of other families are refused', () => {
    expect(() => buildArchitecture(text({ model: { patch: 4 } }).model, TOKENS)).toThrow(
      expect.objectContaining({ code: 'CONFIG_MODEL', message: expect.stringContaining('model.patch') }),
    );
    expect(() => buildArchitecture(text({ model: { name: 'lstm', heads: 2 } }).model, TOKENS)).toThrow(
      expect.objectContaining({ code: 'CONFIG_MODEL', message: expect.stringContaining('model.heads') }),
    );
    expect(() => buildArchitecture(text({ model: { width: 50 } }).model, TOKENS)).toThrow(
      expect.objectContaining({ code: 'CONFIG_MODEL', message: expect.stringContaining('50 is not divisible') }),
    );
  });

  it('cannot make the meta model of a recurrent network narrower, as they can a decoder’s', () => {
    const narrower = (name: string) => {
      const { model, ...config } = text({ model: { name } });
      const target = buildArchitecture(model, TOKENS);
      return metaArchitecture(target, modulesOf(target, { model, ...config }), 0.5);
    };
    expect(() => narrower('gru')).toThrow(
      expect.objectContaining({ code: 'CONFIG_MODEL', hint: expect.stringContaining('division.metaWidth') }),
    );
    const hidden = narrower('gpt-micro').blocks[0]?.parameters.find(({ name }) => name === 'h.0.mlp.c_fc.bias');
    expect(hidden?.shape).toEqual([2 * 128]);
  });

  it('say what does not fill a batch', () => {
    expect(() => batchesPerEpoch(7, 8)).toThrow(
      expect.objectContaining({ code: 'DATA_TOO_FEW', message: '7 training samples do not fill a batch of 8' }),
    );
  });
});

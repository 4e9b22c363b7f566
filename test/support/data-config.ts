import { type RunConfig, runConfigSchema } from '../../src/config/schema.ts';

/** A configuration that reads a data set at a size. */
export function dataConfig(source: string, data: object = {}, model: object = { imageSize: 32 }): RunConfig {
  return runConfigSchema.parse({ model, data: { source, ...data } });
}

import { resolve } from 'node:path';
import type { RunConfig } from '../config/schema.ts';
import { outputsOf } from '../data/identity.ts';
import { describeSamples } from '../data/samples.ts';
import { frozenMode } from '../methods/modular.ts';
import { assertModelReads, buildArchitecture, describeModel, type ModelDescription } from '../models/registry.ts';
import type { Plan } from '../protocol/plan.ts';
import type { DatasetIdentity } from '../protocol/run.ts';
import { allotDevices, type DeviceOptions, type Devices } from './devices.ts';
import { planRun } from './plan.ts';

/** Everything that is decided before a run exists. */
export interface PreparedRun {
  readonly config: RunConfig;
  readonly dataset: DatasetIdentity;
  /** The file of the tokenizer, of text. */
  readonly tokenizer?: string;
  readonly model: ModelDescription;
  readonly devices: Devices;
  readonly plan: Plan;
}

/** Checks a configuration against the data and the machine, and plans the run. Creates nothing. */
export async function prepareRun(given: RunConfig, options: DeviceOptions = {}): Promise<PreparedRun> {
  const config = settledConfig(given);
  assertModelReads(config);
  const { identity: dataset, tokenizer } = await describeSamples(config);
  const outputs = outputsOf(dataset);
  const model = describeModel(config.model, outputs);
  const devices = await allotDevices(config, options);
  const plan = planRun(config, buildArchitecture(config.model, outputs), devices);
  return { config, dataset, ...(tokenizer === undefined ? {} : { tokenizer }), model, devices, plan };
}

/**
 * A configuration as runs keep it: one may be resumed from another directory than it was started in, and says what was chosen
 * where that was left open.
 *
 * @throws CONFIG_MODEL where nobody knows the model
 */
export function settledConfig(config: RunConfig): RunConfig {
  const { source, tokenizer } = config.data;
  const data = {
    ...config.data,
    source: source === 'shapes' ? source : resolve(source),
    tokenizer: tokenizer === null ? null : resolve(tokenizer),
  };
  return { ...config, data, training: { ...config.training, frozenSlices: frozenMode(config) } };
}

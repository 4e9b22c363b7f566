import type { Problem } from './problems.ts';
import type { RunConfig } from './schema.ts';

/** What is wrong between settings that are each valid, as far as that can be told without a model or data. */
export function checkConfig(config: RunConfig): Problem[] {
  const { training, model, data } = config;
  const problems: Problem[] = [];
  if (training.batchSize % training.accumulate !== 0) {
    problems.push({
      code: 'CONFIG_VALUE',
      message: `training.batchSize ${training.batchSize} is not divisible by training.accumulate ${training.accumulate}`,
      hint: 'A step is divided into equal micro-batches; change either number.',
    });
  }
  for (const name of ['mean', 'std'] as const) {
    const values = data[name];
    if (values && values.length !== model.channels) {
      problems.push({
        code: 'CONFIG_VALUE',
        message: `data.${name} lists ${values.length} values, but images have ${model.channels} channels`,
        hint: `Give ${model.channels === 1 ? 'one value' : `${model.channels} values`}, or change model.channels.`,
      });
    }
  }
  if (data.trainLimit !== null && data.shots !== null) {
    problems.push({
      code: 'CONFIG_VALUE',
      message: `data.trainLimit ${data.trainLimit} and data.shots ${data.shots} both say how many training images are used`,
      hint: 'Set one of them to null.',
    });
  }
  return problems;
}

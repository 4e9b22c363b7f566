import { messageOf } from '../util/errors.ts';
import { readsText } from './data-formats.ts';
import { isAsynchronous } from './methods.ts';
import { mixes } from './mixes.ts';
import type { Problem } from './problems.ts';
import { parseRandAugment } from './rand-augment.ts';
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
  return [
    ...problems,
    ...methodProblems(config),
    ...rangeProblems(data),
    ...randAugmentProblems(data),
    ...textProblems(config),
  ];
}

/** Settings of a method that do not go with others. What a method does not look at is no problem. */
function methodProblems({ method, division, training, data, execution }: RunConfig): Problem[] {
  const problem = (isWrong: boolean, message: string, hint: string): Problem[] =>
    isWrong ? [{ code: 'CONFIG_VALUE', message, hint }] : [];
  const { name, infopro } = method;
  const contrasts = name === 'infopro' && infopro.loss === 'contrast';
  const isModular = name === 'incubation' || name === 'imitation';
  const copiesMeta = name === 'gstack' || (isModular && method.initialise === 'meta');
  return [
    ...problem(
      contrasts && readsText({ data }),
      'method.infopro.loss contrast tells classes of images apart, but the data is text',
      'Choose method.infopro.loss=softmax.',
    ),
    ...problem(
      contrasts && mixes({ data, training }),
      'method.infopro.loss contrast tells classes apart, but training.mixup and training.cutmix mix them',
      'Set both to 0, or choose method.infopro.loss=softmax.',
    ),
    ...problem(
      name === 'imitation' && method.downstream === 'trained',
      'method.downstream trained goes with incubation only: no gradient of imitation passes through later slices',
      'Leave it out, or choose --method incubation.',
    ),
    ...problem(
      isModular && method.moduleData === 'disjoint' && data.sharing === 'batches',
      'method.moduleData disjoint gives every module images of its own, but data.sharing batches gives all the same batches',
      'Choose data.sharing=images.',
    ),
    ...(isAsynchronous({ method }) ? asynchronousProblems({ training, execution }) : []),
    ...problem(
      copiesMeta && division.metaWidth !== 1,
      `${name === 'gstack' ? 'gstack' : 'method.initialise meta'} copies blocks of the meta model, which division.metaWidth ${division.metaWidth} makes of another width`,
      'Set division.metaWidth to 1.',
    ),
  ];
}

/** What modules in processes of their own have no one place for. */
function asynchronousProblems({ training, execution }: Pick<RunConfig, 'training' | 'execution'>): Problem[] {
  const asynchronous = 'method.updates asynchronous';
  const problem = (isWrong: boolean, message: string, hint: string): Problem[] =>
    isWrong ? [{ code: 'CONFIG_VALUE', message: `${asynchronous} ${message}`, hint }] : [];
  return [
    ...problem(
      training.accumulate > 1,
      `passes on what a module makes of a whole batch, but training.accumulate ${training.accumulate} divides it`,
      'Set training.accumulate to 1, and training.batchSize lower where memory is short.',
    ),
    ...problem(
      training.precision === 'fp16',
      'has no scale that is common to the losses of all modules, as fp16 takes it',
      'Choose --precision bf16 or fp32.',
    ),
    ...problem(
      execution.onNonFinite === 'skip',
      'cannot skip a step, which other modules have learnt from already',
      'Choose execution.onNonFinite=fail or rollback.',
    ),
  ];
}

/** What is asked of text that only images have; their other settings mean nothing for text, and are not looked at. */
function textProblems(config: RunConfig): Problem[] {
  const { data } = config;
  if (!readsText(config)) return [];
  const problem = (message: string, hint: string): Problem => ({ code: 'CONFIG_VALUE', message, hint });
  return [
    ...(data.shots === null
      ? []
      : [
          problem(`data.shots ${data.shots} asks for images of every class, but text has none`, 'Set data.trainLimit.'),
        ]),
    ...(data.repeats === 1
      ? []
      : [problem(`data.repeats ${data.repeats} repeats images, but the data is text`, 'Set it to 1.')]),
  ];
}

/** Ranges whose least value is above the largest. */
function rangeProblems({ crop, colorJitter, erasing }: RunConfig['data']): Problem[] {
  const ranges: Record<string, number | readonly number[] | null> = {
    'data.crop.scale': crop.scale,
    'data.crop.ratio': crop.ratio,
    'data.colorJitter.brightness': colorJitter.brightness,
    'data.colorJitter.contrast': colorJitter.contrast,
    'data.colorJitter.saturation': colorJitter.saturation,
    'data.erasing.area': erasing.area,
    'data.erasing.ratio': erasing.ratio,
  };
  return Object.entries(ranges).flatMap(([key, range]) => {
    const [least = 0, most = 0] = Array.isArray(range) ? range : [];
    if (least <= most) return [];
    const message = `${key} is [${least}, ${most}]: the least value is above the largest`;
    return [{ code: 'CONFIG_VALUE', message, hint: `Write [${most}, ${least}].` }];
  });
}

function randAugmentProblems({ randAugment }: RunConfig['data']): Problem[] {
  if (randAugment === null) return [];
  try {
    parseRandAugment(randAugment);
    return [];
  } catch (error) {
    return [
      {
        code: 'CONFIG_VALUE',
        message: `data.randAugment is ${JSON.stringify(randAugment)}: ${messageOf(error)}`,
        hint: "Write it as 'rand-m9-mstd0.5-inc1', or set it to null.",
      },
    ];
  }
}

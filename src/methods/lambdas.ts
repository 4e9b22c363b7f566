import type { RunConfig } from '../config/schema.ts';
import { IncubateError } from '../util/errors.ts';

/** Weights of InfoPro's local loss in one module: λ1 and λ2. */
export interface Lambdas {
  readonly reconstruction: number;
  readonly label: number;
}

type Schedules = Pick<RunConfig['method']['infopro'], 'reconstruction' | 'label'>;

/** Published for ResNet-110 on CIFAR-10 with contrast, by the number of modules: in the first and in the last local loss. */
const published: readonly (readonly [number, { readonly [Key in keyof Lambdas]: readonly [number, number] }])[] = [
  [2, { reconstruction: [5, 0], label: [0.5, 0] }],
  [4, { reconstruction: [1, 0], label: [0, 1] }],
  [8, { reconstruction: [5, 0], label: [0, 1] }],
  [16, { reconstruction: [5, 0.5], label: [0, 1] }],
];

/**
 * The weights in module `index` of `modules`: on a line between the first and the last module with a local loss, of which
 * there is one less than modules. Where none are configured, those published for as many modules, or the next number.
 *
 * @throws CONFIG_VALUE where nothing would train the module
 */
export function lambdasOf(settings: Schedules, modules: number, index: number): Lambdas {
  const [, standard] =
    published.find(([count]) => modules <= count) ?? (published.at(-1) as (typeof published)[number]);
  const share = modules > 2 ? index / (modules - 2) : 0;
  const at = ([first, last]: readonly number[]) => (first as number) * (1 - share) + (last as number) * share;
  const lambdas = {
    reconstruction: at(settings.reconstruction ?? standard.reconstruction),
    label: at(settings.label ?? standard.label),
  };
  if (lambdas.reconstruction > 0 || lambdas.label > 0) return lambdas;
  throw new IncubateError('CONFIG_VALUE', `nothing would train module ${index}: both weights of its local loss are 0`, {
    hint: 'Raise method.infopro.reconstruction or method.infopro.label at that end.',
  });
}

import { expect, it } from 'vitest';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { methodCases, methodFamilies, methodJob, textMethodCases } from '../../support/method-cases.ts';
import { runSteps } from '../../support/tiny.ts';

const STEPS = 5;

/**
 * Losses of the first steps, as they were when the gradients had been compared with plain loops. Who changes what a step
 * computes changes these; who does not mean to has made a mistake.
 */
const curves: Readonly<Record<string, readonly number[]>> = {
  'e2e, vision transformer': [1.93789, 1.82552, 1.60609, 1.67889, 1.59622],
  'greedy, vision transformer': [1.93789, 1.85665, 1.64771, 1.83324, 1.5534],
  'dgl, vision transformer': [1.93789, 1.84029, 1.62515, 1.78723, 1.5493],
  'infopro, softmax, vision transformer': [1.93789, 1.86625, 1.64952, 1.80294, 1.5467],
  'infopro, contrast, vision transformer': [1.9664, 1.85227, 1.62385, 1.8058, 1.5148],
  'infopro, linear head, vision transformer': [1.93789, 1.858, 1.64356, 1.83949, 1.55424],
  'imitation, vision transformer': [0.462835, 0.411654, 0.422676, 0.392798, 0.342711],
  'imitation of logits, vision transformer': [1.68066, 1.52069, 1.59571, 1.43461, 1.24183],
  'incubation, vision transformer': [1.68003, 1.8887, 1.74581, 1.68077, 1.70925],
  'incubation, downstream trained, vision transformer': [1.67646, 1.84969, 1.73422, 1.66116, 1.74374],
  'e2e, residual network': [1.5661, 1.92167, 2.00289, 1.61909, 1.85187],
  'greedy, residual network': [1.5661, 1.92316, 2.00515, 1.61468, 1.84793],
  'dgl, residual network': [1.5661, 1.91969, 2.00627, 1.61469, 1.85913],
  'infopro, softmax, residual network': [1.5661, 1.92141, 2.00818, 1.6176, 1.87556],
  'infopro, contrast, residual network': [1.6058, 2.02435, 1.91562, 1.69992, 1.8533],
  'infopro, linear head, residual network': [1.5661, 1.91902, 2.00404, 1.61776, 1.86768],
  'imitation, residual network': [1.31223, 1.22098, 1.1763, 1.21872, 1.26541],
  'imitation of logits, residual network': [1.70622, 1.65129, 1.52823, 1.50831, 1.57442],
  'incubation, residual network': [1.8704, 1.54798, 1.40197, 1.87743, 1.58344],
  'incubation, downstream trained, residual network': [1.93563, 1.69808, 1.47277, 1.91361, 1.65297],
  'dgl, decoder': [1.71277, 1.79637, 1.83481, 1.68909, 1.70438],
  'infopro, softmax, decoder': [1.71277, 1.78638, 1.78481, 1.6622, 1.65386],
  'infopro, linear head, decoder': [1.71277, 1.78737, 1.78431, 1.65525, 1.65204],
  'dgl, recurrent network': [1.61886, 1.62836, 1.62831, 1.61308, 1.61508],
  'infopro, softmax, recurrent network': [1.61886, 1.62887, 1.62899, 1.61384, 1.61704],
  'infopro, linear head, recurrent network': [1.61886, 1.62877, 1.62884, 1.61408, 1.61628],
};

const cases = [
  ...methodFamilies.flatMap(([family, model]) => methodCases.map((method) => ({ ...method, family, model }))),
  ...textMethodCases,
];

it.each(cases)('$name, $family: the losses of the first steps are those of before', async (method) => {
  const { losses } = await runSteps(createOnnxEngine({ threads: 1 }), methodJob(method, method.model), STEPS);
  const expected = curves[`${method.name}, ${method.family}`];
  expect(expected).toHaveLength(STEPS);
  for (const [step, loss] of (expected ?? []).entries())
    expect(Math.abs((losses[step] as number) / loss - 1), `step ${step}: ${losses}`).toBeLessThan(1e-4);
});

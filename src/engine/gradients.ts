/*
 * tfjs-core alone knows no gradients, and the module that registers them cannot be imported by Node on its own; the
 * union package registers all of them, in the registry that every copy of tfjs-core shares. Ours replace and complete them,
 * for every engine.
 */
import '@tensorflow/tfjs';
import { registerGradient, type Tensor } from '@tensorflow/tfjs-core';
import { gradients } from './gradients/table.ts';

for (const [kernelName, { inputs = [], outputs = [], by }] of Object.entries(gradients)) {
  registerGradient({
    kernelName,
    ...(inputs === 'all' ? { saveAllInputs: true } : { inputsToSave: [...inputs] }),
    outputsToSave: [...outputs],
    gradFunc: (dy, saved, attributes) => by([dy].flat() as [Tensor, ...Tensor[]], saved, attributes),
  });
}

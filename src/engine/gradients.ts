/*
 * tfjs-core alone knows no gradients, and the module that registers them cannot be imported by Node on its own. tfjs-layers
 * registers all of them, in the registry that every copy of tfjs-core shares, and is loaded in a third of the time that the
 * union package takes. Ours replace and complete them, for every engine.
 */
import '@tensorflow/tfjs-layers';
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

import { expect, it } from 'vitest';
import type { Graph } from '../../../src/engine/graph.ts';
import type { Program } from '../../../src/engine/program.ts';
import type { TorchFault } from '../../../src/engine/torch/addon.ts';
import { torchFailure } from '../../../src/engine/torch/failure.ts';

/* Messages as PyTorch 2.6 writes them. */
const value = { id: 0, dtype: 'float32', shape: [8, 4] } as const;
const nodes = [{ kernel: 'Relu', inputs: [value], attributes: {}, outputs: [{ ...value, id: 1 }] }];
const graph: Graph = {
  name: 'train(meta)',
  state: new Map(),
  feeds: new Map(),
  constants: new Map(),
  nodes,
  nextState: new Map(),
  outputs: new Map(),
};
const program: Program = { name: 'train(meta)', state: {}, feeds: {}, body: () => ({ state: {}, outputs: {} }) };
const failureOf = (message: string, told: Partial<TorchFault>) =>
  torchFailure(program, graph, Object.assign(new Error(message), { node: -1, memory: false, broken: false }, told));

it('tells want of memory on a GPU, and what to do about it', () => {
  const message =
    'CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 1.51 GiB is free.\nmore';
  expect(failureOf(message, { node: 0, memory: true })).toMatchObject({
    code: 'ENGINE_MEMORY',
    message: `train(meta) cannot go on for want of memory: Relu of float32 [8,4]: out of memory: ${message.split('\n')[0]}`,
    hint: expect.stringMatching(/training\.accumulate/),
  });
});

it('tells that the process must end where its GPU is of no use to it any more', () => {
  const message =
    'CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronously reported at some other API call';
  expect(failureOf(message, { broken: true })).toMatchObject({
    code: 'ENGINE_RUN',
    message: 'train(meta) failed, and the GPU with it: CUDA error: an illegal memory access was encountered',
    hint: expect.stringMatching(/must end.*CUDA_LAUNCH_BLOCKING/),
  });
});

it('tells other errors with the operation that they arose in', () => {
  expect(failureOf('CUDA error: invalid argument', { node: 0 })).toMatchObject({
    code: 'ENGINE_RUN',
    message: 'train(meta) failed while it ran: Relu of float32 [8,4]: CUDA error: invalid argument',
    hint: expect.stringMatching(/If it fails again/),
  });
});

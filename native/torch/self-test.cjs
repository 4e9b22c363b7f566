// Computes 2 * x + 1 and a matrix product with the addon whose path is given, as it is, at fixed addresses and with PyTorch's
// kernels alone; fails where a result is wrong.
'use strict';
const { isDeepStrictEqual } = require('node:util');
const [addon] = process.argv.slice(2);
process.env.OPENBLAS_NUM_THREADS = '1';
const torch = require(addon);

const FLOAT32 = 0;
const scalar = (slot, element) => ({
  slot,
  type: FLOAT32,
  shape: [2, 2],
  held: [],
  storage: FLOAT32,
  data: Float32Array.of(element),
});

// Slots: 0 x, 1 two, 2 one, 3 two * x, 4 that + 1, 5 x times itself.
const code = {
  operations: ['mul', 'add', 'matmul'],
  code: Float64Array.of(0, 0, 2, 0, 1, 1, 3, 0, 1, 1, 2, 3, 2, 1, 4, 0, 2, 2, 2, 0, 0, 1, 5, 2, 0, 0),
  slots: 6,
  constants: [scalar(1, 2), scalar(2, 1)],
  states: [[0, FLOAT32]],
  feeds: [],
  next: [[0, 4]],
  donated: [],
  outputs: [5],
  roundsProducts: false,
};

/** The matrix product of the last of some runs, and the state after them. */
async function results(runs, replay, ownKernels) {
  const x = torch.tensor(FLOAT32, [2, 2], Float32Array.of(1, 2, 3, 4));
  const program = torch.compile(code, replay, ownKernels);
  let product;
  for (let run = 0; run < runs; run++) [product] = await torch.run(program, [x], []);
  const [next] = await torch.read([x]);
  return [product, next].map(({ buffer }) => [...new Float32Array(buffer)]);
}

/** After five runs x is 32 (x + 1) - 1; the last product is of what it was after four. */
const afterOne = [
  [7, 10, 15, 22],
  [3, 5, 7, 9],
];
const afterFive = [
  [31 * 31 + 47 * 63, 31 * 47 + 47 * 79, 63 * 31 + 79 * 63, 63 * 47 + 79 * 79],
  [63, 95, 127, 159],
];

async function main() {
  torch.open(1, 'cpu');
  for (const [runs, replay, ownKernels, expected] of [
    [1, 'never', true, afterOne],
    [1, 'never', false, afterOne],
    [5, 'always', true, afterFive],
  ]) {
    const found = await results(runs, replay, ownKernels);
    if (!isDeepStrictEqual(found, expected)) throw new Error(`it computes ${JSON.stringify(found)}`);
  }
}

main().catch((error) => {
  console.error(`${error}`);
  process.exitCode = 1;
});

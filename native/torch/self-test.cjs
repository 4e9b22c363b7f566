// Computes 2 * x + 1 and a matrix product with the addon whose path is given; fails where a result is wrong.
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

async function main() {
  torch.open(1, 'cpu');
  const x = torch.tensor(FLOAT32, [2, 2], Float32Array.of(1, 2, 3, 4));
  // Slots: 0 x, 1 two, 2 one, 3 two * x, 4 that + 1, 5 x times itself.
  const program = torch.compile({
    operations: ['mul', 'add', 'matmul'],
    code: Float64Array.of(0, 0, 2, 0, 1, 1, 3, 0, 1, 1, 2, 3, 2, 1, 4, 0, 2, 2, 2, 0, 0, 1, 5, 2, 0, 0),
    slots: 6,
    constants: [scalar(1, 2), scalar(2, 1)],
    states: [[0, FLOAT32]],
    feeds: [],
    next: [[0, 4]],
    donated: [],
    outputs: [5],
  });
  const [product] = await torch.run(program, [x], []);
  const [next] = await torch.read([x]);
  const found = [product, next].map(({ buffer }) => [...new Float32Array(buffer)]);
  const expected = [
    [7, 10, 15, 22],
    [3, 5, 7, 9],
  ];
  if (!isDeepStrictEqual(found, expected)) throw new Error(`it computes ${JSON.stringify(found)}`);
}

main().catch((error) => {
  console.error(`${error}`);
  process.exitCode = 1;
});

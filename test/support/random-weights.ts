import { type Architecture, parametersOf, partsOf } from '../../src/models/architecture.ts';
import { initialise } from '../../src/models/initialise.ts';
import { randomStream } from '../../src/util/random.ts';
import { float32, type HostTensors } from '../../src/util/tensor.ts';

/** Random tensors of a network, none of them neutral: each value is moved by what is made of a number of N(0, 1). */
export function randomWeights(architecture: Architecture, move: (normal: number) => number): HostTensors {
  const initial = initialise(parametersOf(partsOf(architecture)), 4, 'forward');
  return Object.fromEntries(
    Object.entries(initial).map(([name, { data, shape }]) => {
      const stream = randomStream(4, name);
      return [
        name,
        float32(
          data.map((value) => value + move(stream.normal())),
          shape,
        ),
      ];
    }),
  );
}

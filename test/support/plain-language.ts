import type { HostTensor, HostTensors } from '../../src/util/tensor.ts';
import { plainGelu, plainLinear, plainNorm } from './plain-vit.ts';

/** Numbers of a sequence: [step][feature]. */
export type Sequence = number[][];

/** The parts of a network of text with given weights, for one sequence, by loops over single numbers. */
export interface PlainTextParts {
  stem(tokens: readonly number[]): Sequence;
  /** The block whose parameters begin so. */
  block(x: Sequence, name: string): Sequence;
  /** Logits [step][token] */
  head(x: Sequence): Sequence;
}

/** Reads a matrix's or vector's element. */
type At = (name: string, ...place: number[]) => number;

function reader(weights: HostTensors): At {
  return (name, row, column) => {
    const tensor = weights[name];
    if (!tensor) throw new RangeError(`no ${name}`);
    const index = column === undefined ? (row as number) : (row as number) * (tensor.shape[1] as number) + column;
    return tensor.data[index] as number;
  };
}

const range = (length: number) => Array.from({ length }, (_, index) => index);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Of a decoder. */
export function plainGpt(
  weights: HostTensors,
  { heads, eps }: { readonly heads: number; readonly eps: number },
): PlainTextParts {
  const at = reader(weights);
  const width = weights['wte.weight']?.shape[1] as number;
  const norm = (x: Sequence, name: string) => x.map((row) => plainNorm(row, weights, name, { eps }));
  const linear = (x: Sequence, name: string): Sequence => {
    const { data, shape } = weights[`${name}.weight`] as HostTensor;
    const [inputs, outputs] = shape as [number, number];
    const bias = weights[`${name}.bias`]?.data as HostTensor['data'];
    return x.map((row) =>
      range(outputs).map((j) => {
        let total = bias[j] as number;
        for (let i = 0; i < inputs; i++) total += (row[i] as number) * (data[i * outputs + j] as number);
        return total;
      }),
    );
  };
  const attend = (joined: Sequence): Sequence => {
    const size = width / heads;
    return joined.map((row, t) =>
      range(width).map((j) => {
        const head = Math.floor(j / size);
        const scores = range(t + 1).map(
          (s) =>
            sum(
              range(size).map(
                (k) => (row[head * size + k] as number) * (joined[s]?.[width + head * size + k] as number),
              ),
            ) / Math.sqrt(size),
        );
        const largest = Math.max(...scores);
        const shares = scores.map((score) => Math.exp(score - largest));
        return sum(shares.map((share, s) => share * (joined[s]?.[2 * width + j] as number))) / sum(shares);
      }),
    );
  };
  const added = (x: Sequence, y: Sequence) => x.map((row, t) => row.map((value, j) => value + (y[t]?.[j] as number)));

  return {
    stem: (tokens) =>
      tokens.map((token, t) => range(width).map((j) => at('wte.weight', token, j) + at('wpe.weight', t, j))),
    block(x, name) {
      const attended = linear(attend(linear(norm(x, `${name}.ln_1`), `${name}.attn.c_attn`)), `${name}.attn.c_proj`);
      const middle = added(x, attended);
      const hidden = linear(norm(middle, `${name}.ln_2`), `${name}.mlp.c_fc`).map((row) => row.map(plainGelu));
      return added(middle, linear(hidden, `${name}.mlp.c_proj`));
    },
    head: (x) => norm(x, 'ln_f').map((row) => plainLinear(row, weights, 'lm_head')),
  };
}

/** Of a recurrent network, whose layers are PyTorch's with residual connections around them. */
export function plainRecurrent(weights: HostTensors, { cell }: { readonly cell: 'lstm' | 'gru' }): PlainTextParts {
  const at = reader(weights);
  const { shape } = weights['encoder.weight'] as HostTensors[string];
  const [vocabulary, width] = shape as [number, number];
  return {
    stem: (tokens) => tokens.map((token) => range(width).map((j) => at('encoder.weight', token, j))),
    block(x, name) {
      const sums = (kind: 'ih' | 'hh', input: number[], row: number) =>
        sum(input.map((value, j) => value * at(`${name}.weight_${kind}_l0`, row, j))) +
        at(`${name}.bias_${kind}_l0`, row);
      let hidden = range(width).map(() => 0);
      let memory = range(width).map(() => 0);
      return x.map((input) => {
        const both = (gate: number, j: number) =>
          sums('ih', input, gate * width + j) + sums('hh', hidden, gate * width + j);
        if (cell === 'lstm') {
          memory = range(width).map(
            (j) => sigmoid(both(1, j)) * (memory[j] as number) + sigmoid(both(0, j)) * Math.tanh(both(2, j)),
          );
          hidden = range(width).map((j) => sigmoid(both(3, j)) * Math.tanh(memory[j] as number));
        } else {
          hidden = range(width).map((j) => {
            const [reset, update] = [sigmoid(both(0, j)), sigmoid(both(1, j))];
            const candidate = Math.tanh(sums('ih', input, 2 * width + j) + reset * sums('hh', hidden, 2 * width + j));
            return (1 - update) * candidate + update * (hidden[j] as number);
          });
        }
        return input.map((value, j) => value + (hidden[j] as number));
      });
    },
    head: (x) =>
      x.map((row) =>
        range(vocabulary).map(
          (token) => sum(row.map((value, j) => value * at('decoder.weight', token, j))) + at('decoder.bias', token),
        ),
      ),
  };
}

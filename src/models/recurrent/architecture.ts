import type { Architecture, ParameterSpec, PartSpec } from '../architecture.ts';

/** What a layer's cells are: gates as PyTorch orders them, and numbers that a gradient needs of each unit at a step. */
export const cells = {
  /** Input, forget, candidate and output (Hochreiter and Schmidhuber, 1997). */
  lstm: { gates: 4, kept: 8 },
  /** Reset, update and candidate (Cho et al., 2014). */
  gru: { gates: 3, kept: 6 },
} as const;

export type Cell = keyof typeof cells;

/** A recurrent language model's dimensions: layers of one width with residual connections around them. */
export interface RecurrentShape {
  readonly cell: Cell;
  readonly width: number;
  readonly depth: number;
  /** Tokens that it sees at a time. */
  readonly context: number;
  /** Tokens that there are. */
  readonly vocabulary: number;
}

/** A network whose layer i is `torch.nn.LSTM(width, width)` or `torch.nn.GRU(width, width)`, with their names and layouts. */
export function recurrentArchitecture(shape: RecurrentShape): Architecture<RecurrentShape> {
  const { width, vocabulary, context } = shape;
  const init = { kind: 'uniform', bound: 0.1 } as const;
  return {
    family: 'recurrent',
    shape,
    branches: 1,
    stem: {
      name: 'stem',
      role: 'stem',
      parameters: [{ name: 'encoder.weight', shape: [vocabulary, width], init, decay: false }],
      macs: 0,
      activations: 0,
    },
    blocks: Array.from({ length: shape.depth }, (_, index) => recurrentLayer(shape, `rnn.${index}`)),
    head: {
      name: 'head',
      role: 'head',
      parameters: [
        { name: 'decoder.weight', shape: [vocabulary, width], init, decay: true },
        { name: 'decoder.bias', shape: [vocabulary], init: { kind: 'zeros' }, decay: false },
      ],
      macs: context * width * vocabulary,
      activations: context * (width + vocabulary),
    },
  };
}

export function recurrentLayer({ cell, width, context }: RecurrentShape, name: string): PartSpec {
  const init = { kind: 'uniform', bound: 1 / Math.sqrt(width) } as const;
  const rows = cells[cell].gates * width;
  const weight = (kind: string): ParameterSpec => ({
    name: `${name}.weight_${kind}_l0`,
    shape: [rows, width],
    init,
    decay: true,
  });
  const bias = (kind: string): ParameterSpec => ({
    name: `${name}.bias_${kind}_l0`,
    shape: [rows],
    init,
    decay: false,
  });
  return {
    name,
    role: 'block',
    parameters: [weight('ih'), weight('hh'), bias('ih'), bias('hh')],
    macs: 2 * context * rows * width,
    activations: context * width * cells[cell].kept,
  };
}

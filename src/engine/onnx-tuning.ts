/** What makes steps faster or smaller on ONNX Runtime; `npm run bench:levers` measures what each gives. */
export interface Tuning {
  /** Whether denormals are zero: they are slow, and nothing to a training step. */
  readonly flushDenormals: boolean;
  /** How long threads that wait keep their core: from one small operator to the next, but not while other work needs it. */
  readonly spinMicroseconds: number;
  /** Whether memory is laid out once for a whole run: a third more of it, at no gain. */
  readonly memoryPattern: boolean;
  /** Whether memory is kept from operator to operator. */
  readonly arena: boolean;
  /** Whether transposed operands are read as they are by matrix products. */
  readonly fuseTransposes: boolean;
  /** Whether images are kept in blocks of channels. */
  readonly blockChannels: boolean;
  /** Whether new values of the state go over the old ones. */
  readonly writeInPlace: boolean;
  /** Most nodes of a graph that gets the full set of ONNX Runtime's optimisations, whose time grows faster than the graph. */
  readonly fullOptimisationNodes: number;
}

export const tuned: Tuning = {
  flushDenormals: true,
  spinMicroseconds: 50,
  memoryPattern: false,
  arena: true,
  fuseTransposes: true,
  blockChannels: true,
  writeInPlace: true,
  fullOptimisationNodes: 6000,
};

import { type Attributes, type Graph, liveNodes, type Node, sameShape, type Value } from '../graph.ts';
import { reducedAxes } from '../kernels/reduction.ts';
import { countUses, identifiersOf, isPerChannel } from './rewrite.ts';

/** relu(x · factor + term + sum), the factor and the term [C]; attributes say which operands follow x, and whether of relu. */
export const CHANNEL_AFFINE = 'FusedChannelAffine';
/** The same without a factor of what a convolution gives, whose own operands come first. */
export const CONVOLUTION_AFFINE = 'FusedConvolutionAffine';
/** Sums, or means, [C] of the product of two images over all but their channels. */
export const CHANNEL_PRODUCTS = 'FusedChannelProducts';
/** (dy, y) to the gradient of y = relu(x) by x. */
export const RELU_GRAD = 'FusedReluGrad';

export interface AffineAttributes extends Attributes {
  readonly operands: readonly ('factor' | 'term' | 'sum')[];
  readonly relu: boolean;
  /** The convolution's kernel and attributes. */
  readonly convolution?: Pick<Node, 'kernel' | 'attributes'>;
}

const CONVOLUTIONS = new Set(['Conv2D', 'Conv2DBackpropInput']);

/** An affine map of an image that is being put together. */
interface Affine {
  /** What x is the result of, where that is a convolution and x is used once. */
  readonly convolution?: Node;
  readonly x: Value;
  readonly factor?: Value;
  readonly term?: Value;
  readonly sum?: Value;
  readonly relu?: boolean;
}

/**
 * A graph in which what batch normalisation does to images [B, H, W, C] takes few passes over them: a factor and a term per
 * channel with the sum and the ReLU behind them, sums of products, masks of ReLUs. They are found by what nodes do, and
 * joined where nothing else needs what is between; numbers are rounded less often, and in no other order but that of sums.
 *
 * @param graph one of float32, as it is traced
 * @param joinsConvolutions whether a convolution is joined with the term, sum and ReLU behind it
 */
export function fuseChannelPasses(graph: Graph, joinsConvolutions = true): Graph {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map(({ id }) => [id, node] as const)));
  const uses = countUses(graph);
  const affines = new Map<number, Affine>();
  const nodes: Node[] = [];
  let next = 1 + Math.max(...identifiersOf(graph));
  const made = (kernel: string, input: Value, shape: readonly number[], attributes: Attributes = {}): Value => {
    const output = { id: next++, dtype: input.dtype, shape };
    nodes.push({ kernel, inputs: [input], attributes, outputs: [output] });
    return output;
  };
  /** The map that a value is the result of, where the value is used once: what follows can take its place. */
  const open = (value: Value): Affine | undefined => {
    if (uses.get(value.id) !== 1) return undefined;
    const convolution = producers.get(value.id);
    if (joinsConvolutions && convolution && CONVOLUTIONS.has(convolution.kernel)) return { convolution, x: value };
    const affine = affines.get(value.id);
    return affine?.relu ? undefined : affine;
  };

  /** The map that a node is, joined with the one before it. */
  const affineOf = ({ kernel, inputs, outputs }: Node): Affine | undefined => {
    const image = outputs[0] as Value;
    if (!isImage(image)) return undefined;
    if (kernel === 'Relu') {
      const before = open(inputs[0] as Value);
      return before && { ...before, relu: true };
    }
    const [a, b] = inputs as [Value, Value];
    if (kernel !== 'Add' && kernel !== 'Sub' && kernel !== 'Multiply') return undefined;
    const isFull = (value: Value) => sameShape(value.shape, image.shape);
    if (isFull(a) && isFull(b)) return kernel === 'Add' ? (withSum(open(a), b) ?? withSum(open(b), a)) : undefined;
    const [x, other] = isFull(a) ? [a, b] : [b, a];
    if (!isFull(x) || !isPerChannel(other, image) || (kernel === 'Sub' && x !== a)) return undefined;
    const shape = image.shape.slice(-1);
    const vector = sameShape(other.shape, shape) ? other : made('Reshape', other, shape, { shape });
    if (kernel === 'Multiply') return { x, factor: vector };
    const before = open(x);
    const term = kernel === 'Add' ? vector : made('Neg', vector, shape);
    return before && !before.term && !before.sum ? { ...before, term } : { x, term };
  };

  /** Sums of products over all but the channels. */
  const productsOf = ({ kernel, inputs, attributes, outputs }: Node): Node | undefined => {
    const [product] = inputs as [Value];
    if ((kernel !== 'Sum' && kernel !== 'Mean') || !isImage(product) || attributes.keepDims) return undefined;
    const producer = producers.get(product.id);
    const isProduct = producer?.kernel === 'Multiply' || producer?.kernel === 'Square';
    if (!isProduct || uses.get(product.id) !== 1 || reducedAxes(attributes, 4).join() !== '0,1,2') return undefined;
    const [a, b = a] = producer.inputs as [Value, Value?];
    if (!sameShape(a.shape, b.shape)) return undefined;
    return { kernel: CHANNEL_PRODUCTS, inputs: [a, b], attributes: { mean: kernel === 'Mean' }, outputs };
  };

  /** dy · (y > 0) for y = relu(x). */
  const reluGradientOf = ({ kernel, inputs, outputs }: Node): Node | undefined => {
    const [dy, mask] = inputs as [Value, Value];
    if (kernel !== 'Multiply' || !isImage(outputs[0] as Value) || !sameShape(dy.shape, mask.shape)) return undefined;
    const cast = producers.get(mask.id);
    const comparison = cast?.kernel === 'Cast' ? producers.get((cast.inputs[0] as Value).id) : undefined;
    if (comparison?.kernel !== 'Greater') return undefined;
    const [y, zero] = comparison.inputs as [Value, Value];
    const constant = graph.constants.get(zero.id);
    const isZero = constant?.kind === 'splat' && constant.element === 0;
    const isRelu = producers.get(y.id)?.kernel === 'Relu';
    return isZero && isRelu ? { kernel: RELU_GRAD, inputs: [dy, y], attributes: {}, outputs } : undefined;
  };

  for (const node of graph.nodes) {
    const affine = affineOf(node);
    if (affine) affines.set((node.outputs[0] as Value).id, affine);
    nodes.push(affine ? affineNode(affine, node) : (productsOf(node) ?? reluGradientOf(node) ?? node));
  }
  return { ...graph, nodes: liveNodes(graph, nodes) };
}

function withSum(affine: Affine | undefined, sum: Value): Affine | undefined {
  return affine && !affine.sum ? { ...affine, sum } : undefined;
}

function affineNode({ convolution, x, factor, term, sum, relu = false }: Affine, { outputs }: Node): Node {
  const operands = Object.entries({ factor, term, sum }).filter(([, value]) => value !== undefined);
  const values = operands.map(([, value]) => value as Value);
  const attributes = { operands: operands.map(([name]) => name), relu };
  if (!convolution) return { kernel: CHANNEL_AFFINE, inputs: [x, ...values], attributes, outputs };
  const inputs = [...convolution.inputs, ...values];
  return { kernel: CONVOLUTION_AFFINE, inputs, attributes: { ...attributes, convolution }, outputs };
}

function isImage({ dtype, shape }: Value): boolean {
  return dtype === 'float32' && shape.length === 4;
}

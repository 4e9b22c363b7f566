import { type Graph, liveNodes, type Node, sameShape, type Value } from '../graph.ts';
import { identifiersOf, isPerChannel } from './rewrite.ts';

/**
 * A graph in which factors per channel of an image that only gradients of convolutions are taken of are applied to the
 * filters instead: a filter has far fewer numbers, and a pass over the image is saved.
 */
export function moveFactorsToFilters(graph: Graph): Graph {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map(({ id }) => [id, node] as const)));
  const consumers = new Map<number, Node[]>();
  for (const node of graph.nodes)
    for (const { id } of node.inputs) consumers.set(id, [...(consumers.get(id) ?? []), node]);
  const results = new Set([...graph.nextState.values(), ...graph.outputs.values()].map(({ id }) => id));
  let next = 1 + Math.max(...identifiersOf(graph));
  const nodes: Node[] = [];
  const scaled = (value: Value, factor: Value, output: Value = { ...value, id: next++ }): Value => {
    nodes.push({ kernel: 'Multiply', inputs: [value, factor], attributes: {}, outputs: [output] });
    return output;
  };

  /** The image and the factor that a value is the product of, where nothing but gradients by dy needs it. */
  const factorsOf = (value: Value): { readonly image: Value; readonly factor: Value } | undefined => {
    const producer = producers.get(value.id);
    if (producer?.kernel !== 'Multiply' || value.shape.length !== 4 || results.has(value.id)) return undefined;
    if (!(consumers.get(value.id) ?? []).every((node) => errorsOf(node)?.id === value.id)) return undefined;
    const [a, b] = producer.inputs as [Value, Value];
    const [image, factor] = sameShape(a.shape, value.shape) ? [a, b] : [b, a];
    return sameShape(image.shape, value.shape) && isPerChannel(factor, value) ? { image, factor } : undefined;
  };

  for (const node of graph.nodes) {
    const errors = errorsOf(node);
    const found = errors && factorsOf(errors);
    if (!found) {
      nodes.push(node);
      continue;
    }
    const { image, factor } = found;
    const [output] = node.outputs as [Value];
    if (node.kernel === 'Conv2DBackpropInput') {
      nodes.push({ ...node, inputs: [image, scaled(node.inputs[1] as Value, factor)] });
    } else {
      const gradient = { ...output, id: next++ };
      nodes.push({ ...node, inputs: [node.inputs[0] as Value, image], outputs: [gradient] });
      scaled(gradient, factor, output);
    }
  }
  return { ...graph, nodes: liveNodes(graph, nodes) };
}

/** The gradient by a convolution's results that a node computes others from. */
function errorsOf({ kernel, inputs }: Node): Value | undefined {
  if (kernel === 'Conv2DBackpropInput') return inputs[0];
  return kernel === 'Conv2DBackpropFilter' ? inputs[1] : undefined;
}

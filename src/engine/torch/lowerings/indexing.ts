import { operation, type TorchLowerings } from './lowering.ts';

export const indexing: TorchLowerings = {
  GatherNd: operation('gather_nd'),
  TensorScatterUpdate: operation('scatter_update'),
  TopK: operation('top_k', ({ attributes }) => [attributes.k as number]),
  NonMaxSuppressionV4: operation('non_max_suppression', ({ attributes }) => {
    const { maxOutputSize, iouThreshold, scoreThreshold } = attributes as Record<string, number>;
    return [maxOutputSize as number, iouThreshold as number, scoreThreshold as number];
  }),
};

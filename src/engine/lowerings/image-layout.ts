import type { LoweringContext } from '../onnx-builder.ts';

/** tfjs' images are [B, H, W, C], ONNX' [B, C, H, W]. */
export const channelsFirst = ({ onnx }: LoweringContext, name: string): string =>
  onnx.op('Transpose', [name], { perm: [0, 3, 1, 2] });

export const channelsLast = ({ onnx }: LoweringContext, name: string): string =>
  onnx.op('Transpose', [name], { perm: [0, 2, 3, 1] });

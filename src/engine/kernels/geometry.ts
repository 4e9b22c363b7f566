import { backend_util } from '@tensorflow/tfjs-core';
import type { Attributes } from '../graph.ts';
import { check } from './kernel.ts';

type Shape4 = [number, number, number, number];

/** How a window moves over images [B, H, W, C]: extents, strides, dilations and padding, as tfjs computes them. */
export type Geometry = ReturnType<typeof backend_util.computeConv2DInfo>;

interface WindowAttributes {
  readonly strides: number | [number, number];
  readonly pad: Parameters<typeof backend_util.computeConv2DInfo>[4];
  readonly dilations?: number | [number, number] | null;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly dataFormat?: 'NHWC' | 'NCHW';
  readonly filterSize?: number | [number, number];
}

/** The geometry of a convolution with a filter [kH, kW, C, D]. @throws RangeError where they do not fit. */
export function convolutionOf(image: readonly number[], filter: readonly number[], attributes: Attributes): Geometry {
  checkChannels(image, filter, attributes);
  return windowOver(image, filter, attributes);
}

/** The geometry of a convolution of every channel with its own filters [kH, kW, C, multiplier]. */
export function depthwiseOf(image: readonly number[], filter: readonly number[], attributes: Attributes): Geometry {
  checkChannels(image, filter, attributes);
  return windowOver(image, filter, attributes, true);
}

/** The geometry of a pooling operation. */
export function poolingOf(image: readonly number[], attributes: Attributes): Geometry {
  const [height, width] = [(attributes as unknown as WindowAttributes).filterSize ?? 1].flat();
  return windowOver(image, [height as number, width ?? (height as number), 1, 1], attributes, true);
}

function checkChannels(image: readonly number[], filter: readonly number[], { dataFormat }: Attributes): void {
  check(dataFormat !== 'NCHW', 'images must be [batch, height, width, channels]');
  check(image[3] === filter[2], `the filter takes ${filter[2]} channels, the image has ${image[3]}`);
}

function windowOver(image: readonly number[], filter: readonly number[], attributes: Attributes, depthwise = false) {
  const { strides, pad, dilations, dimRoundingMode } = attributes as unknown as WindowAttributes;
  const geometry = backend_util.computeConv2DInfo(
    image as Shape4,
    filter as Shape4,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  );
  // Given padding as a number, tfjs takes windows to be square and undilated, and leaves positions of others out.
  const [bottom, right] = endPads(geometry);
  const fits = -bottom < geometry.strideHeight && -right < geometry.strideWidth;
  check(fits, 'a number as padding needs a square window without dilation');
  return geometry;
}

/** Padding in ONNX' order: top, left, bottom, right. The end is what the last position of the window reaches. */
export function padsOf(geometry: Geometry): number[] {
  const { top, left } = geometry.padInfo;
  return [top, left, ...endPads(geometry).map((pad) => Math.max(0, pad))];
}

/** Rows and columns of the last position of the window beyond the image; negative where some are left over. */
export function endPads(geometry: Geometry): [number, number] {
  const { padInfo, strideHeight, strideWidth, effectiveFilterHeight, effectiveFilterWidth } = geometry;
  return [
    (geometry.outHeight - 1) * strideHeight + effectiveFilterHeight - geometry.inHeight - padInfo.top,
    (geometry.outWidth - 1) * strideWidth + effectiveFilterWidth - geometry.inWidth - padInfo.left,
  ];
}

/** The places of a window in row-major order: their distances from the window's corner in the image, rows and columns. */
export function placesOf({ filterHeight, filterWidth, dilationHeight, dilationWidth }: Geometry): [number, number][] {
  return Array.from({ length: filterHeight * filterWidth }, (_, index) => [
    Math.floor(index / filterWidth) * dilationHeight,
    (index % filterWidth) * dilationWidth,
  ]);
}

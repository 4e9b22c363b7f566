import { decodeFrame } from '../jpeg/decode.ts';
import { type JpegFrame, looksLikeJpeg, readFrame } from '../jpeg/frame.ts';
import { type Reduction, reductionsOf } from '../jpeg/plane.ts';
import type { Pixels } from '../pixels.ts';
import type { StoredImage } from '../sources/image-set.ts';
import { centralScaling } from '../transforms/crop.ts';
import { type Box, resizeBox } from '../transforms/resize.ts';
import { augmentCropped, type DrawnCrop, drawCrop } from '../transforms/train-image.ts';
import { readFile } from './read-file.ts';
import type { Work, WorkItem } from './work.ts';

/** What of an image has been decoded. */
export interface Decoded {
  /** All of it, the drawn part of it, or all of it scaled to the size of the result; until another image is decoded. */
  readonly pixels: Pixels;
  /** Of the decoded pixels, where a part was drawn. */
  readonly crop?: DrawnCrop;
}

/**
 * Makes what is asked of an image and writes it into `target` from `offset`.
 *
 * @throws DATA_IMAGE naming an image that cannot be decoded
 */
export function doWork(item: WorkItem, target: Uint8Array, offset: number): void | Promise<void> {
  const decoded = decodeFor(item);
  if (!(decoded instanceof Promise)) return finishWork(item, decoded, target, offset);
  return decoded.then((pixels) => finishWork(item, pixels, target, offset));
}

/**
 * Decodes what the work on an image needs of it.
 *
 * JPEG images in their own size or larger are decoded here, as far as they are needed; to the last bit as the library does,
 * which takes half a millisecond for the smallest one. All else, and what looks damaged, is the library's.
 *
 * @throws DATA_IMAGE naming an image that cannot be decoded
 */
export function decodeFor(item: WorkItem): Decoded | Promise<Decoded> {
  const { work, image, name } = item;
  const { size, channels } = work;
  const frame = frameOf(image);
  if (work.kind === 'scale') {
    if (image.kind === 'pixels' && isSquare(image.pixels, work)) return { pixels: image.pixels };
    const isReady = frame?.width === size && frame.height === size;
    const decoded = isReady ? decodeWhole(frame, channels) : undefined;
    if (decoded) return decoded;
    return library()
      .then(({ decodeScaled }) => decodeScaled(image, name, size, channels, work.resize))
      .then((data) => ({ pixels: { data, height: size, width: size, channels } }));
  }
  const crop = frame && drawnFor(item, frame);
  const decoded = frame && (crop ? decodeCrop(frame, crop, work) : decodeWhole(frame, channels));
  if (decoded) return decoded;
  const whole = (decoded: Pixels): Decoded => {
    const drawn = drawnFor(item, decoded);
    return drawn ? { pixels: decoded, crop: drawn } : { pixels: decoded };
  };
  if (image.kind === 'pixels' && image.pixels.channels === channels) return whole(image.pixels);
  return library()
    .then(({ decodePixels }) => decodePixels(image, name, channels))
    .then(whole);
}

function decodeWhole(frame: JpegFrame, channels: number): Decoded | undefined {
  const pixels = decodeFrame(frame, wholeOf(frame), channels);
  return pixels && { pixels };
}

/** Decodes what a crop takes of an image. */
function decodeCrop(frame: JpegFrame, { box, interpolation }: DrawnCrop, work: Work): Decoded | undefined {
  const reduction = work.kind === 'crop' && work.augment.crop?.reduce ? reductionFor(frame, box, work.size) : 1;
  const [left, top] = [Math.floor(box.left / reduction), Math.floor(box.top / reduction)];
  const part = {
    left,
    top,
    width: Math.ceil((box.left + box.width) / reduction) - left,
    height: Math.ceil((box.top + box.height) / reduction) - top,
  };
  const pixels = decodeFrame(frame, part, work.channels, reduction);
  const region = {
    left: box.left / reduction - left,
    top: box.top / reduction - top,
    width: box.width / reduction,
    height: box.height / reduction,
  };
  return pixels && { pixels, crop: { box: wholeOf(part), region, interpolation } };
}

/** How far an image may be reduced, so that scaling to `size` still has twice as many pixels to choose from. */
function reductionFor(frame: JpegFrame, { width, height }: Box, size: number): Reduction {
  const most = Math.min(width, height) / (2 * size);
  return reductionsOf(frame).findLast((reduction) => reduction <= most) ?? 1;
}

/** Does what remains to be done when an image is decoded. */
export function finishWork(item: WorkItem, { pixels, crop }: Decoded, target: Uint8Array, offset: number): void {
  const { work, key } = item;
  const { size, channels } = work;
  if (work.kind === 'scale') target.set(pixels.data, offset);
  else if (work.kind === 'centre') {
    const scaling = centralScaling(size, work.share, pixels.width, pixels.height);
    resizeBox(pixels, wholeOf(pixels), scaling, 'bicubic', size, target, offset);
  } else if (crop && key) {
    augmentCropped(pixels, crop, work.augment, key, { size, channels, target, offset });
  }
}

function isSquare({ height, width, channels }: Pixels, work: Work): boolean {
  return height === work.size && width === work.size && channels === work.channels;
}

function drawnFor({ work, key }: WorkItem, size: { readonly width: number; readonly height: number }) {
  if (work.kind !== 'crop') return undefined;
  const { crop, interpolation } = work.augment;
  if (key === undefined || crop === undefined) throw new RangeError('a crop takes a key and how to crop');
  return drawCrop(crop, interpolation, key, size);
}

/** Loaded when an image needs it. */
function library() {
  return import('./library.ts');
}

/** Undefined where the library is to see what the image is, or why it cannot be read. */
function frameOf(image: StoredImage): JpegFrame | undefined {
  if (image.kind === 'pixels' || !looksLikeJpeg(image)) return undefined;
  try {
    return readFrame(image.kind === 'encoded' ? image.bytes : readFile(image.path));
  } catch {
    return undefined;
  }
}

function wholeOf({ width, height }: { readonly width: number; readonly height: number }): Box {
  return { left: 0, top: 0, width, height };
}

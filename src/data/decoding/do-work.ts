import { readFileSync } from 'node:fs';
import { decodeFrame } from '../jpeg/decode.ts';
import { type JpegFrame, looksLikeJpeg, readFrame } from '../jpeg/frame.ts';
import type { Pixels } from '../pixels.ts';
import type { StoredImage } from '../sources/image-set.ts';
import { centralScaling, type RandomCrop } from '../transforms/crop.ts';
import { type Box, resizeBox } from '../transforms/resize.ts';
import { augmentCropped, drawCrop, type Slot } from '../transforms/train-image.ts';
import type { Work, WorkItem } from './work.ts';

/**
 * Makes what is asked of an image and writes it into `target` from `offset`.
 *
 * JPEG images in their own size or larger are decoded here, as far as they are needed; to the last bit as the library does,
 * which takes half a millisecond for the smallest one. All else, and what looks damaged, is the library's.
 *
 * @throws DATA_IMAGE naming an image that cannot be decoded
 */
export function doWork(item: WorkItem, target: Uint8Array, offset: number): void | Promise<void> {
  const { work } = item;
  const slot = { size: work.size, channels: work.channels, target, offset };
  switch (work.kind) {
    case 'scale':
      return scale(work, item, slot);
    case 'crop':
      return crop(work, item, slot);
    case 'centre':
      return centre(work, item, slot);
  }
}

function scale(
  { resize }: Extract<Work, { kind: 'scale' }>,
  { image, name }: WorkItem,
  slot: Slot,
): void | Promise<void> {
  const { size, channels, target, offset } = slot;
  const frame = frameOf(image);
  const isReady = frame?.width === size && frame.height === size;
  const decoded = isReady ? decodeFrame(frame, wholeOf(frame), channels) : undefined;
  if (decoded) target.set(decoded.data, offset);
  else {
    return library()
      .then(({ decodeScaled }) => decodeScaled(image, name, size, channels, resize))
      .then((bytes) => target.set(bytes, offset));
  }
}

function crop({ augment }: Extract<Work, { kind: 'crop' }>, item: WorkItem, slot: Slot): void | Promise<void> {
  const { key } = item;
  if (key === undefined || augment.crop === undefined) throw new RangeError('a crop takes a key and how to crop');
  const settings: RandomCrop = augment.crop;
  const frame = frameOf(item.image);
  if (frame) {
    const drawn = drawCrop(settings, augment.interpolation, key, frame);
    const pixels = decodeFrame(frame, drawn.box, slot.channels);
    if (pixels) return augmentCropped(pixels, { ...drawn, box: wholeOf(drawn.box) }, augment, key, slot);
  }
  return decoded(item, slot.channels, (pixels) => {
    augmentCropped(pixels, drawCrop(settings, augment.interpolation, key, pixels), augment, key, slot);
  });
}

function centre({ share }: Extract<Work, { kind: 'centre' }>, item: WorkItem, slot: Slot): void | Promise<void> {
  const { size, channels, target, offset } = slot;
  const write = (pixels: Pixels) => {
    const { width, height } = pixels;
    const scaling = centralScaling(size, share, width, height);
    resizeBox(pixels, wholeOf(pixels), scaling, 'bicubic', size, target, offset);
  };
  const frame = frameOf(item.image);
  const pixels = frame && decodeFrame(frame, wholeOf(frame), channels);
  if (pixels) return write(pixels);
  return decoded(item, channels, write);
}

function decoded({ image, name }: WorkItem, channels: number, write: (pixels: Pixels) => void): void | Promise<void> {
  if (image.kind === 'pixels' && image.pixels.channels === channels) return write(image.pixels);
  return library()
    .then(({ decodePixels }) => decodePixels(image, name, channels))
    .then(write);
}

/** Loaded when an image needs it. */
function library() {
  return import('./library.ts');
}

/** Undefined where the library is to see what the image is, or why it cannot be read. */
function frameOf(image: StoredImage): JpegFrame | undefined {
  if (image.kind === 'pixels' || !looksLikeJpeg(image)) return undefined;
  try {
    return readFrame(image.kind === 'encoded' ? image.bytes : readFileSync(image.path));
  } catch {
    return undefined;
  }
}

function wholeOf({ width, height }: { readonly width: number; readonly height: number }): Box {
  return { left: 0, top: 0, width, height };
}

import type { RandomStream } from '../../util/random.ts';
import type { Box, Scaling } from './resize.ts';

/** Parameters of torchvision's `RandomResizedCrop`. */
export interface RandomCrop {
  /** Least and largest share of the image's area. */
  readonly scale: readonly [number, number];
  /** Least and largest width / height. */
  readonly ratio: readonly [number, number];
  /** Whether large images may be decoded at a fraction of their size. */
  readonly reduce?: boolean;
}

const ATTEMPTS = 10;

/**
 * The part of an image that is cut out: its area uniform in `scale`, its proportions log-uniform in `ratio`, its place
 * uniform. Where ten attempts do not fit into the image, as much of its centre as `ratio` allows.
 */
export function drawBox({ scale, ratio }: RandomCrop, width: number, height: number, random: RandomStream): Box {
  const [leastLog, mostLog] = [Math.log(ratio[0]), Math.log(ratio[1])];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = width * height * (scale[0] + (scale[1] - scale[0]) * random.uniform());
    const proportions = Math.exp(leastLog + (mostLog - leastLog) * random.uniform());
    const box = { width: Math.round(Math.sqrt(area * proportions)), height: Math.round(Math.sqrt(area / proportions)) };
    if (box.width < 1 || box.height < 1 || box.width > width || box.height > height) continue;
    const top = random.integer(height - box.height + 1);
    return { ...box, top, left: random.integer(width - box.width + 1) };
  }
  return centralBox(ratio, width, height);
}

function centralBox(ratio: readonly [number, number], width: number, height: number): Box {
  const proportions = width / height;
  const box =
    proportions < ratio[0]
      ? { width, height: Math.max(1, Math.round(width / ratio[0])) }
      : proportions > ratio[1]
        ? { width: Math.max(1, Math.round(height * ratio[1])), height }
        : { width, height };
  return { ...box, top: Math.floor((height - box.height) / 2), left: Math.floor((width - box.width) / 2) };
}

/**
 * How an image is scaled for evaluation, and where its centre of side `size` lies then: the shorter side to
 * `size` / `share`, as torchvision's `Resize` and `CenterCrop` do.
 */
export function centralScaling(size: number, share: number, width: number, height: number): Scaling {
  const shorter = Math.max(size, Math.floor(size / share));
  const scaled =
    width <= height
      ? { width: shorter, height: Math.trunc((shorter * height) / width) }
      : { width: Math.trunc((shorter * width) / height), height: shorter };
  return { ...scaled, left: halfRoundedToEven(scaled.width - size), top: halfRoundedToEven(scaled.height - size) };
}

/** Python's `round(n / 2)`. */
function halfRoundedToEven(count: number): number {
  return count % 4 === 3 ? (count + 1) / 2 : Math.floor(count / 2);
}

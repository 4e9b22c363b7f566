import { readsText } from '../config/data-formats.ts';
import type { RunConfig } from '../config/schema.ts';
import type { Specs } from '../engine/program.ts';
import { beta, randomStream } from '../util/random.ts';
import { float32, type HostTensors } from '../util/tensor.ts';

type MixSettings = Pick<RunConfig['training'], 'mixup' | 'cutmix' | 'mixProbability' | 'mixSwitch'>;

/** Whether training images are mixed. */
export function mixes({ data, training }: Pick<RunConfig, 'data' | 'training'>): boolean {
  const { mixProbability, mixup, cutmix } = training;
  return !readsText({ data }) && mixProbability > 0 && (mixup > 0 || cutmix > 0);
}

/**
 * Mixup (Zhang et al., 2018) and cutmix (Yun et al., 2019) in timm's batch mode: the batch is blended with its own
 * reverse, either everywhere by one share or by replacing one rectangle. Both are a weight per pixel and a label share.
 */
export function mixFeeds(imageSize: number): Specs {
  return {
    /** Weight of each pixel's own image. */
    mixPixels: { dtype: 'float32', shape: [imageSize, imageSize] },
    /** Weight of the own label. */
    mixShare: { dtype: 'float32', shape: [] },
  };
}

export function drawMix(
  settings: MixSettings,
  imageSize: number,
  seed: number,
  stream: string,
  step: number,
): HostTensors {
  const random = randomStream(seed, `mix/${stream}`, step);
  const pixels = new Float32Array(imageSize * imageSize).fill(1);
  let share = 1;
  if (random.uniform() < settings.mixProbability) {
    const cut = settings.cutmix > 0 && (settings.mixup === 0 || random.uniform() < settings.mixSwitch);
    const alpha = cut ? settings.cutmix : settings.mixup;
    const lambda = beta(alpha, alpha, random);
    if (cut) {
      // The rectangle may be cut off at the border, so the label's share follows from what is left of it.
      const side = imageSize * Math.sqrt(1 - lambda);
      const clip = (value: number) => Math.min(imageSize, Math.max(0, Math.round(value)));
      const centerY = random.integer(imageSize);
      const centerX = random.integer(imageSize);
      const [top, bottom] = [clip(centerY - side / 2), clip(centerY + side / 2)];
      const [left, right] = [clip(centerX - side / 2), clip(centerX + side / 2)];
      for (let row = top; row < bottom; row++) pixels.fill(0, row * imageSize + left, row * imageSize + right);
      share = 1 - ((bottom - top) * (right - left)) / (imageSize * imageSize);
    } else {
      pixels.fill(lambda);
      share = lambda;
    }
  }
  return { mixPixels: float32(pixels, [imageSize, imageSize]), mixShare: float32(Float32Array.of(share), []) };
}

import { type RandomStream, randomStream } from '../../util/random.ts';

/** All that the random decisions about a training image depend on. */
export interface ImageKey {
  readonly seed: number;
  readonly stream: string;
  readonly epoch: number;
  readonly index: number;
  /** Which of its appearances in the epoch it is, where images appear more than once. */
  readonly repeat?: number;
}

/** The random numbers of one kind of decision about an image. */
export function imageStream(purpose: string, { seed, stream, epoch, index, repeat }: ImageKey): RandomStream {
  const indices = repeat === undefined ? [epoch, index] : [epoch, index, repeat];
  return randomStream(seed, `${purpose}/${stream}`, ...indices);
}

/** What the peers of `npm run bench:data` are told, as a JSON file whose path is their argument. */
export interface DataTask {
  readonly files: readonly string[];
  /** Side of the result, pixels. */
  readonly size: number;
  /**
   * pad: a crop of the padded image, and a flip; memory: the same of pixels in memory; crop: a random resized crop, and a
   * flip; deit: that, RandAugment and erasing.
   */
  readonly transform: 'pad' | 'memory' | 'crop' | 'deit';
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

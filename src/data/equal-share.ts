/** Of so many images or sequences, those in one of several equal parts; the first parts have what is left over, one each. */
export function moduleShare(samples: number, modules: number, index: number): number {
  return Math.floor(samples / modules) + (index < samples % modules ? 1 : 0);
}

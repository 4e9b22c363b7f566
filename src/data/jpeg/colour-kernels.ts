import {
  advance,
  type Code,
  type FunctionBody,
  get,
  i32,
  instantiate,
  moduleOf,
  repeatWhile,
  set,
  v128,
  type WasmMemory,
} from '../wasm.ts';

/** What the kernel reads and writes lies in its memory; all numbers but the last two are places. */
export interface ColourKernels {
  readonly memory: WasmMemory;
  /**
   * A row of RGB pixels from a row of luma and two rows of each chroma, the nearer and the farther one, of which two columns
   * share a sample; 16 pixels at a time. Chroma is read from one sample before the first on.
   *
   * @param end where the row of the target ends, at most 15 pixels before the writing does
   * @param roundLeft added before the sums for pixels left of a sample are divided, and `roundRight` for those right of it
   */
  pairs(
    luma: number,
    cbNear: number,
    cbFar: number,
    crNear: number,
    crFar: number,
    target: number,
    end: number,
    roundLeft: number,
    roundRight: number,
  ): void;
}

const lanes = Array.from({ length: 16 }, (_, lane) => lane);

/** Of two vectors of 16-bit lanes, the low halves lane by lane, and the high ones. */
const [zipLow, zipHigh] = [0, 8].map((from) =>
  v128.shuffle(lanes.map((lane) => from + 2 * Math.floor(lane / 4) + (lane % 2) + (lane % 4 < 2 ? 0 : 16))),
) as [Code, Code];

/** Where byte `place` of 48 bytes of RGB comes from, when red and green lie in two vectors; blue is put in after. */
const redAndGreen = (part: number) =>
  v128.shuffle(lanes.map((lane) => Math.floor((16 * part + lane) / 3) + ((16 * part + lane) % 3 === 1 ? 16 : 0)));
const blue = (part: number) =>
  v128.shuffle(lanes.map((lane) => ((16 * part + lane) % 3 === 2 ? 16 + Math.floor((16 * part + lane) / 3) : lane)));

const pairs: FunctionBody = (() => {
  const [luma, cbNear, cbFar, crNear, crFar, target, end, roundLeft, roundRight] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const [here, left, right, y] = [9, 10, 11, 12];
  const chroma = { cb: [13, 14], cr: [15, 16] };
  const colours = [17, 18, 19];
  const halves = [20, 21, 22];

  /** 3 times the nearer samples and once the farther ones. */
  const weighed = (near: number, far: number, at: number): Code =>
    [get(near), v128.load8x8(at), v128.const16(3), v128.multiply16, get(far), v128.load8x8(at), v128.add16].flat();
  const upsampled = (near: number, far: number, [low, high]: readonly number[]): Code => {
    const side = (round: number, at: number): Code =>
      [
        ...[get(here), v128.const16(3), v128.multiply16, weighed(near, far, at), v128.add16],
        ...[get(round), v128.splat16, v128.add16, i32.const(4), v128.shiftRight16],
      ].flat();
    const centred = (zip: Code, to: number): Code =>
      [get(left), get(right), zip, v128.const16(128), v128.subtract16, set(to)].flat();
    return [
      ...[...weighed(near, far, 1), ...set(here)],
      ...[...side(roundLeft, 0), ...set(left)],
      ...[...side(roundRight, 2), ...set(right)],
      ...centred(zipLow, low as number),
      ...centred(zipHigh, high as number),
    ];
  };
  /** Luma and what the chroma adds, of four pixels. */
  const sum = (widen: Code, half: number, factors: { cb?: number; cr?: number }): Code => [
    ...[...get(y), ...widen, ...v128.const(32768)],
    ...Object.entries(factors).flatMap(([name, factor]) =>
      [get(chroma[name as 'cb' | 'cr'][half] as number), widen, v128.const(factor), v128.multiply32, v128.add32].flat(),
    ),
    ...[...i32.const(16), ...v128.shiftRight32, ...v128.add32],
  ];
  const factors = [{ cr: 91881 }, { cb: -22554, cr: -46802 }, { cb: 116130 }];
  const halfOf = (half: number): Code => [
    ...[...get(luma), ...v128.load8x8(8 * half), ...set(y)],
    ...factors.flatMap((each, colour) => [
      ...sum(v128.extendLowSigned16, half, each),
      ...sum(v128.extendHighSigned16, half, each),
      ...v128.narrow32,
      ...set((half === 0 ? halves : colours)[colour] as number),
    ]),
  ];
  return {
    parameters: 9,
    locals: 0,
    vectors: 14,
    code: [
      repeatWhile(
        target,
        end,
        upsampled(cbNear, cbFar, chroma.cb),
        upsampled(crNear, crFar, chroma.cr),
        halfOf(0),
        halfOf(1),
        colours.flatMap((colour, index) => [
          ...get(halves[index] as number),
          ...get(colour),
          ...v128.narrow16,
          ...set(colour),
        ]),
        [0, 1, 2].flatMap((part) => [
          ...[...get(target), ...get(17), ...get(18), ...redAndGreen(part)],
          ...[...get(19), ...blue(part), ...v128.store(16 * part)],
        ]),
        advance(luma, 16),
        ...[cbNear, cbFar, crNear, crFar].map((place) => advance(place, 8)),
        advance(target, 48),
      ),
    ],
  };
})();

/** The kernels with a memory of their own. */
export function colourKernels(): ColourKernels {
  return instantiate(moduleOf({ pairs })) as ColourKernels;
}

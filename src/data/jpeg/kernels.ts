import { instantiate } from '../wasm/module.ts';
import { writePairs, writeRow } from './colour-kernels.ts';
import { scanKernels } from './scan-kernels.ts';

/** Numbers are places in the kernels' memory, but for counts and what is added in rounding. */
export interface JpegKernels {
  makeTable(code: number, table: number): void;
  openSegment(source: number, target: number): void;
  readUnits(units: number, planEnd: number): void;
  passUnits(units: number, planEnd: number): void;
  writeRow(luma: number, cb: number, cr: number, target: number, end: number): void;
  writePairs(
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

let kernels: JpegKernels | undefined;

/** The decoder's kernels. What they keep lies in their memory: nothing is decoded while another image is. */
export function jpegKernels(): JpegKernels {
  kernels ??= instantiate({ ...scanKernels, writeRow, writePairs }) as JpegKernels;
  return kernels;
}

import { instantiate, type WasmMemory } from '../wasm/module.ts';
import { writePairs, writeRow } from './colour-kernels.ts';
import { scanKernels } from './scan-kernels.ts';

/** What the kernels read and write lies in their memory; numbers are places in it, unless they are counted there. */
export interface JpegKernels {
  readonly memory: WasmMemory;
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

/** The decoder's kernels, with one memory for them all: nothing is decoded while another image is. */
export function jpegKernels(): JpegKernels {
  kernels ??= instantiate({ ...scanKernels, writeRow, writePairs }) as JpegKernels;
  return kernels;
}

/*
 * All kernels work on one memory, so that what one has written need not be copied for the next. Between calls it holds what
 * the JPEG decoder keeps, below `FREE` of its layout, and the image that was decoded last.
 */

/** A WebAssembly.Memory; TypeScript keeps the types of WebAssembly with those of browsers. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** By pages of 64 KiB; the buffer is another one after. */
  grow(pages: number): number;
}

declare const WebAssembly: {
  readonly Memory: new (limits: { readonly initial: number }) => WasmMemory;
};

const PAGE = 65_536;
let memory: WasmMemory | undefined;

export function kernelMemory(): WasmMemory {
  memory ??= new WebAssembly.Memory({ initial: 1 });
  return memory;
}

/** The bytes of the kernels' memory, of which there are at least so many. */
export function roomFor(bytes: number): Uint8Array<ArrayBuffer> {
  const own = kernelMemory();
  const missing = bytes - own.buffer.byteLength;
  if (missing > 0) own.grow(Math.ceil(missing / PAGE));
  return new Uint8Array(own.buffer);
}

/** The next place that a vector may begin at. */
export function aligned(place: number): number {
  return (place + 15) & ~15;
}

/** Extent of an image whose bytes [height, width, channels] lie in a buffer. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** How values between pixels are interpolated. */
export type Interpolation = 'bilinear' | 'bicubic';

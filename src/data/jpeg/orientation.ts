const ORIENTATION = 0x0112;

/**
 * How an APP1 segment says that the image is turned (Exif 2.3, 4.6.4): 1, upright, also where it says nothing about it;
 * undefined where it cannot be told.
 */
export function orientationOf(segment: Uint8Array): number | undefined {
  const head = String.fromCharCode(...segment.subarray(0, 6));
  if (!head.startsWith('Exif')) return 1;
  const tiff = segment.subarray(6);
  if (head !== 'Exif\0\0' || tiff.length < 8) return undefined;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const isLittle = order === 0x4949;
  const directory = view.getUint32(4, isLittle);
  if (directory + 2 > tiff.length) return undefined;
  const count = view.getUint16(directory, isLittle);
  if (directory + 2 + 12 * count > tiff.length) return undefined;
  for (let entry = 0; entry < count; entry++) {
    const place = directory + 2 + 12 * entry;
    if (view.getUint16(place, isLittle) === ORIENTATION) return view.getUint16(place + 8, isLittle);
  }
  return 1;
}

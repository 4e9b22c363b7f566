import { readFileSync } from 'node:fs';
import { hasErrno, IncubateError, messageOf } from '../../util/errors.ts';
import type { StoredImage } from '../sources/image-set.ts';

/** How files of each format begin: the place of some bytes and the bytes, as Latin-1. */
const signatures: readonly (readonly [place: number, bytes: string])[] = [
  [0, '\xff\xd8\xff'],
  [0, '\x89PNG'],
  [0, 'GIF8'],
  [8, 'WEBP'],
  [0, 'II*\0'],
  [0, 'MM\0*'],
  [4, 'ftyp'],
];

/**
 * The error for an image that the library cannot decode: DATA_IMAGE, or ENVIRONMENT_READ where that is not the image's fault.
 * What the library says itself is of no use: its threads share a place for messages, and one of them may find another's there.
 */
export function undecodable(image: StoredImage, name: string): IncubateError {
  const damaged = (reason: string) =>
    new IncubateError('DATA_IMAGE', `the image ${JSON.stringify(name)} cannot be decoded: ${reason}`, {
      hint: 'Repair or remove the file and start a new run, or skip such images with --set data.onDamage=skip; if it was whole before, restore it and resume the run.',
    });
  if (image.kind === 'pixels') return damaged('its pixels cannot be scaled');
  try {
    return damaged(reasonOf(image.kind === 'encoded' ? image.bytes : readFileSync(image.path)));
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return damaged('the file is missing');
    return new IncubateError(
      'ENVIRONMENT_READ',
      `the image ${JSON.stringify(name)} cannot be read: ${messageOf(error)}`,
      {
        hint: 'Check the permissions of the file and the disk that it is on.',
        cause: error,
      },
    );
  }
}

function reasonOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'it is empty';
  const head = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  const isKnown = signatures.some(([place, signature]) => head.startsWith(signature, place));
  return isKnown ? 'its data are damaged or cut short' : 'it is in none of the formats that are read';
}

import { messageOf } from '../../util/errors.ts';
import type { ByteReader } from './byte-reader.ts';
import { fileError } from './file-error.ts';
import { parseTarHeader, TAR_BLOCK } from './tar-header.ts';

/** A file in a tar archive. Its content may be taken from the reader until the next member is asked for. */
export interface TarMember {
  readonly name: string;
  readonly size: number;
  /** Where its content begins in the archive. */
  readonly offset: number;
}

/** Longest extended header, bytes: long names are far shorter. */
const LONGEST_HEADER = 1 << 16;
const decoder = new TextDecoder();

/**
 * The files of a tar archive in their order: ustar, pax and GNU long names. Folders and links are passed over, and nothing
 * is ever extracted, so names are mere names.
 *
 * @throws DATA_FILE naming the archive where it is damaged, cut short or of a kind that is not supported.
 */
export async function* tarMembers(reader: ByteReader, path: string): AsyncGenerator<TarMember> {
  let extended: Extended = {};
  for (;;) {
    const at = reader.position;
    const fail = (reason: string) => fileError(path, `${reason} (at byte ${at})`);
    const block = await reader.take(TAR_BLOCK);
    // Some programs leave out the blocks of zeros at the end.
    if (block.length === 0 && at > 0) return;
    if (block.length < TAR_BLOCK) throw fail('the tar archive is cut short');
    const header = attempt(() => parseTarHeader(block), fail);
    if (header === null) return;
    if (header.type === 'empty') {
      extended = {};
      continue;
    }
    if (header.type !== 'file') {
      if (header.size > LONGEST_HEADER) throw fail(`an extended tar header has ${header.size} bytes`);
      const content = await reader.take(header.size);
      if (content.length < header.size) throw fail('the tar archive is cut short');
      if (header.type === 'pax') extended = { ...extended, ...attempt(() => parsePax(content), fail) };
      if (header.type === 'long-name')
        extended = { ...extended, path: decoder.decode(content).split('\0', 1)[0] as string };
      await skipFully(reader, padding(header.size), fail);
      continue;
    }
    const member = { name: extended.path ?? header.name, size: extended.size ?? header.size, offset: reader.position };
    extended = {};
    yield member;
    const end = member.offset + member.size + padding(member.size);
    await skipFully(reader, end - reader.position, fail);
  }
}

/** What extended headers say about the member that follows. */
interface Extended {
  readonly path?: string;
  readonly size?: number;
}

/** Records `<length> <key>=<value>\n` of a pax header, where the length counts all of the record. */
function parsePax(content: Uint8Array): Extended {
  let extended: Extended = {};
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(32, at);
    const digits = space < 0 || space - at > 6 ? '' : decoder.decode(content.subarray(at, space));
    const end = at + Number(digits);
    if (!/^[1-9]\d*$/.test(digits) || end > content.length || end <= space + 2 || content[end - 1] !== 10) {
      throw new Error('a pax header is damaged');
    }
    const record = decoder.decode(content.subarray(space + 1, end - 1));
    const equals = record.indexOf('=');
    const [key, value] = [record.slice(0, Math.max(0, equals)), record.slice(equals + 1)];
    if (key.startsWith('GNU.sparse.')) throw new Error('sparse files in tar archives are not supported');
    if (key === 'path') extended = { ...extended, path: value };
    if (key === 'size') {
      if (!/^\d{1,15}$/.test(value)) throw new Error('the size in a pax header is no number');
      extended = { ...extended, size: Number(value) };
    }
    at = end;
  }
  return extended;
}

async function skipFully(reader: ByteReader, length: number, fail: (reason: string) => Error): Promise<void> {
  if ((await reader.skip(length)) < length) throw fail('the tar archive is cut short');
}

function padding(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

function attempt<Result>(parse: () => Result, fail: (reason: string) => Error): Result {
  try {
    return parse();
  } catch (error) {
    throw fail(messageOf(error));
  }
}

import { writeFile } from 'node:fs/promises';
import { execa } from 'execa';

/** A member of an archive: a file with its content, or a link to another name. */
export interface TarEntry {
  readonly name: string;
  readonly content?: Uint8Array;
  readonly link?: string;
  readonly directory?: boolean;
}

const program = `
import base64, io, json, sys, tarfile
job = json.load(open(sys.argv[1]))
formats = {'ustar': tarfile.USTAR_FORMAT, 'gnu': tarfile.GNU_FORMAT, 'pax': tarfile.PAX_FORMAT}
with tarfile.open(job['path'], 'w:gz' if job['gzip'] else 'w', format=formats[job['format']]) as archive:
    for entry in job['entries']:
        info = tarfile.TarInfo(entry['name'])
        content = base64.b64decode(entry.get('content', ''))
        if entry.get('directory'):
            info.type = tarfile.DIRTYPE
        elif entry.get('link'):
            info.type, info.linkname = tarfile.SYMTYPE, entry['link']
        else:
            info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
`;

/** Writes a tar archive with Python's tarfile, which is independent of what reads it here. */
export async function writeTar(
  path: string,
  entries: readonly TarEntry[],
  { format = 'pax', gzip = false }: { readonly format?: 'ustar' | 'gnu' | 'pax'; readonly gzip?: boolean } = {},
): Promise<void> {
  const encoded = entries.map(({ content, ...entry }) => ({
    ...entry,
    ...(content ? { content: Buffer.from(content).toString('base64') } : {}),
  }));
  const job = `${path}.job.json`;
  await writeFile(job, JSON.stringify({ path, format, gzip, entries: encoded }));
  await execa('python3', ['-c', program, job]);
}

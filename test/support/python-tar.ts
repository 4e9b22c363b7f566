import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';

/** A member of an archive: a file with its content, or a link to another name. */
export interface TarEntry {
  readonly name: string;
  readonly content?: Uint8Array;
  readonly link?: string;
  readonly directory?: boolean;
}

/** Writes an archive for every line of its input, and answers each with a line. */
const program = `
import base64, io, json, sys, tarfile
formats = {'ustar': tarfile.USTAR_FORMAT, 'gnu': tarfile.GNU_FORMAT, 'pax': tarfile.PAX_FORMAT}
for line in sys.stdin:
    job = json.loads(line)
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
    print(job['path'], flush=True)
`;

/** One for all archives: Python takes longer to start than to write any of them. It ends with this process, and its input. */
let python: { readonly input: Writable; readonly answers: AsyncIterator<string> } | undefined;
/** Archives are written one after the other. */
let last: Promise<void> = Promise.resolve();

function startPython() {
  const child = spawn('python3', ['-c', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface(child.stdout);
  // Whoever waits for an answer is told that there is none.
  child.on('error', () => answers.close());
  child.stdin.on('error', () => undefined);
  return { input: child.stdin, answers: answers[Symbol.asyncIterator]() };
}

/** Writes a tar archive with Python's tarfile, which is independent of what reads it here. */
export function writeTar(
  path: string,
  entries: readonly TarEntry[],
  { format = 'pax', gzip = false }: { readonly format?: 'ustar' | 'gnu' | 'pax'; readonly gzip?: boolean } = {},
): Promise<void> {
  const encoded = entries.map(({ content, ...entry }) => ({
    ...entry,
    ...(content ? { content: Buffer.from(content).toString('base64') } : {}),
  }));
  const job = JSON.stringify({ path, format, gzip, entries: encoded });
  const written = last.then(async () => {
    python ??= startPython();
    python.input.write(`${job}\n`);
    const { value } = await python.answers.next();
    if (value !== path) throw new Error(`python3 did not write ${path}`);
  });
  // What went wrong is of this archive alone.
  last = written.catch(() => undefined);
  return written;
}

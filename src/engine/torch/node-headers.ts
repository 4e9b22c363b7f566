import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { IncubateError } from '../../util/errors.ts';

export interface NodeHeadersOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly executable?: string;
  readonly system?: string;
}

/** The folder that holds node_api.h: beside this Node, in the system, or in node-gyp's cache. @throws ENVIRONMENT_BUILD */
export function findNodeHeaders(options: NodeHeadersOptions = {}): string {
  const { environment = process.env, executable = process.execPath, system = '/usr' } = options;
  const version = process.version.slice(1);
  const cache = environment.XDG_CACHE_HOME || join(environment.HOME ?? homedir(), '.cache');
  const candidates = [
    join(dirname(realpathSync(executable)), '../include/node'),
    join(system, 'include/node'),
    join(environment.npm_config_devdir ?? join(cache, 'node-gyp'), version, 'include/node'),
  ];
  const found = candidates.find((folder) => existsSync(join(folder, 'node_api.h')));
  if (found !== undefined) return found;
  throw new IncubateError(
    'ENVIRONMENT_BUILD',
    `Node's header node_api.h is missing; looked in ${candidates.join(', ')}`,
    {
      hint: 'Run `npx node-gyp install`, which fetches the headers of this Node, or `apt-get install libnode-dev` on Debian.',
    },
  );
}

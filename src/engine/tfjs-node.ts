import { createRequire } from 'node:module';
import { messageOf } from '../util/errors.ts';

const require = createRequire(import.meta.url);
const PACKAGE = '@tensorflow/tfjs-node-gpu';

export interface TfjsNode {
  readonly version: string;
  /** Whether libtensorflow computes on a GPU. */
  readonly gpu: boolean;
}

/** Loads tfjs-node-gpu, which registers the backend `tensorflow`, and asks it for a GPU. Never throws. */
export function loadTfjsNode(): TfjsNode | { readonly reason: string } {
  try {
    restoreRemovedUtilities(require('node:util') as Record<string, unknown>);
    const { version } = require(`${PACKAGE}/package.json`) as { version: string };
    const loaded = require(PACKAGE) as { backend(): { isUsingGpuDevice?: boolean } };
    return { gpu: loaded.backend().isUsingGpuDevice === true, version };
  } catch (error) {
    const [line = ''] = messageOf(error).split('\n');
    return { reason: /Cannot find module/.test(line) ? `${PACKAGE} is not installed` : line };
  }
}

/** tfjs-node 4.22 calls functions of `util` that Node removed in version 23. */
export function restoreRemovedUtilities(util: Record<string, unknown>): void {
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What is behind the WebGPU adapter of this process. */
export interface AdapterKind {
  /** False for a processor that stands in for a GPU, null where the system does not tell. */
  readonly accelerated: boolean | null;
  /** For people. */
  readonly device: string;
}

/** Devices that drivers of graphics hardware keep open as long as they are in use. */
const graphicsDevice = /^\/dev\/(dri\/|nvidia|dxg$|kfd$|mali|kgsl|vchiq)/;
const softwareDriver = /\/(lib[^/\s]*(?:swiftshader|vulkan_lvp)[^/\s]*)$/m;

/**
 * Looks at the adapter that sessions of this process have opened, by what the process has open: the binding does not say
 * which adapter it took.
 */
export function adapterKind(platform: NodeJS.Platform = process.platform, self = '/proc/self'): AdapterKind {
  if (platform === 'darwin') return { accelerated: true, device: 'GPU, by Metal' };
  if (platform !== 'linux') return { accelerated: null, device: 'adapter of unknown kind' };
  const device = openFiles(`${self}/fd`).find((path) => graphicsDevice.test(path));
  if (device !== undefined) return { accelerated: true, device: `GPU, by Vulkan (${device})` };
  const [, driver] = softwareDriver.exec(readFileSync(`${self}/maps`, 'utf8')) ?? [];
  return { accelerated: false, device: `CPU, by Vulkan${driver === undefined ? '' : ` (${driver})`}` };
}

function openFiles(directory: string): string[] {
  return readdirSync(directory).flatMap((descriptor) => {
    try {
      return [readlinkSync(`${directory}/${descriptor}`)];
    } catch {
      // The descriptor that the directory was read with is closed by now.
      return [];
    }
  });
}

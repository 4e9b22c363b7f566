import { existsSync } from 'node:fs';
import { type TestContext, test } from 'vitest';
import { probeEngine } from '../../src/executors/probe-engine.ts';

/** Where Debian's package chromium-common has the description of SwiftShader, a Vulkan driver in software. */
const installed = '/usr/lib/chromium/vk_swiftshader_icd.json';

/**
 * Why WebGPU cannot be tested here; null where it can. An adapter is what the system finds by itself, or what
 * VK_ICD_FILENAMES names (with libvulkan.so.1 on LD_LIBRARY_PATH where it is not installed), or SwiftShader of Debian.
 * With REQUIRE_WEBGPU=1 its absence fails the tests.
 */
export const webgpuFault: string | null = await findAdapter();

async function findAdapter(): Promise<string | null> {
  const found = await probeEngine('webgpu');
  if (found.available) return null;
  if (process.env.VK_ICD_FILENAMES === undefined && existsSync(installed)) {
    process.env.VK_ICD_FILENAMES = installed;
    if ((await probeEngine('webgpu')).available) return null;
  }
  return found.reason ?? 'no reason is known';
}

/** A test on a WebGPU adapter; without one it is skipped and says so. */
export function webgpuTest(name: string, body: (context: TestContext) => Promise<void>): void {
  test(name, async (context) => {
    if (webgpuFault !== null && process.env.REQUIRE_WEBGPU === '1')
      throw new Error(`no WebGPU adapter: ${webgpuFault}`);
    if (webgpuFault !== null) context.skip(`no WebGPU adapter: ${webgpuFault}`);
    await body(context);
  });
}

import { existsSync } from 'node:fs';
import { type TestContext, test } from 'vitest';
import { probeEngine } from '../../src/executors/probe-engine.ts';
import type { EngineProbe } from '../../src/protocol/probe.ts';

/** Where Debian's package chromium-common has the description of SwiftShader, a Vulkan driver in software. */
const installed = '/usr/lib/chromium/vk_swiftshader_icd.json';

/**
 * Why WebGPU cannot be tested here; null where it can. An adapter is what the system finds by itself, or what
 * VK_ICD_FILENAMES names (with libvulkan.so.1 on LD_LIBRARY_PATH where it is not installed), or SwiftShader of Debian.
 * With REQUIRE_WEBGPU=1 its absence fails the tests.
 */
const adapter = await findAdapter();
export const webgpuFault: string | null = adapter.available ? null : (adapter.reason ?? 'no reason is known');

async function findAdapter(): Promise<EngineProbe> {
  const found = await probeEngine('webgpu');
  if (found.available || process.env.VK_ICD_FILENAMES !== undefined || !existsSync(installed)) return found;
  process.env.VK_ICD_FILENAMES = installed;
  const software = await probeEngine('webgpu');
  return software.available ? software : found;
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

/** A test on an adapter that computes in float16, as Mesa's lavapipe does from version 24 on; SwiftShader does not. */
export function float16Test(name: string, body: (context: TestContext) => Promise<void>): void {
  webgpuTest(name, async (context) => {
    if (!adapter.precisions.includes('fp16')) context.skip(`${adapter.device} computes in float32 only`);
    await body(context);
  });
}

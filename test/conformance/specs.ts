/*
 * Runs tfjs-core's own specs against an engine. It is bundled with the engine, so that both share one tfjs-core, and
 * started as a process of its own: `specs.js ENGINE feeds|constants` prints a line of JSON for each spec.
 */
import { createRequire } from 'node:module';
import type { EngineName } from '../../src/config/engines.ts';
import { openEngine } from '../../src/engine/engines.ts';
import '../../src/engine/gradients.ts';
import { type GivenAs, registerLazyBackend } from '../../src/engine/lazy-backend.ts';

/** The part of jasmine-core that is used; it brings no types. */
interface JasmineCore {
  /** Puts `describe`, `it` and what else specs use among the globals. */
  boot(): { getEnv(): JasmineEnvironment; DEFAULT_TIMEOUT_INTERVAL: number };
}
interface JasmineEnvironment {
  configure(settings: { random: boolean }): void;
  addReporter(reporter: { specDone(spec: SpecResult): void }): void;
  execute(): Promise<unknown>;
}
interface SpecResult {
  readonly fullName: string;
  readonly status: string;
  readonly failedExpectations: readonly { readonly message: string }[];
}

const [engine = 'cpu', givenAs = 'feeds'] = process.argv.slice(2);
const BACKEND = 'incubate-lazy';
registerLazyBackend(BACKEND, await openEngine({ engine: engine as EngineName, threads: 1 }), givenAs as GivenAs);

const jasmine = (createRequire(import.meta.url)('jasmine-core') as JasmineCore).boot();
jasmine.DEFAULT_TIMEOUT_INTERVAL = 60_000;
Object.assign(globalThis, { jasmine });
// Only now: specs are declared with jasmine's globals, for the environments that are known then.
const { setTestEnvs } = await import('@tensorflow/tfjs-core/dist/jasmine_util.js');
setTestEnvs([{ name: engine, backendName: BACKEND, isDataSync: false }]);
await import('@tensorflow/tfjs-core/dist/tests.js');

const environment = jasmine.getEnv();
environment.configure({ random: false });
environment.addReporter({
  specDone({ fullName, status, failedExpectations }) {
    const message = failedExpectations.map((failure) => failure.message).join('\n');
    if (status !== 'excluded') process.stdout.write(`${JSON.stringify({ name: fullName, status, message })}\n`);
  },
});
await environment.execute();

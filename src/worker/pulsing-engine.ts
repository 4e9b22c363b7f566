import type { Engine } from '../engine/program.ts';
import type { Pulse } from './pulse.ts';

/** The same engine, whose every run of a program shows in the pulse. */
export function pulsingEngine(engine: Engine, pulse: Pulse): Engine {
  return {
    name: engine.name,
    queuesRuns: engine.queuesRuns === true,
    createState: (tensors) => engine.createState(tensors),
    async compile(program) {
      pulse.enter('compiling');
      const executable = await engine.compile(program);
      return {
        cost: executable.cost,
        async run(state, feeds) {
          pulse.enter('running');
          const outputs = await executable.run(state, feeds);
          pulse.advance();
          return outputs;
        },
        dispose: () => executable.dispose(),
      };
    },
  };
}

import { Command } from 'commander';
import type { EngineProbe } from '../protocol/probe.ts';
import { ExitCode } from '../util/errors.ts';
import { type DoctorDocument, examineMachine } from './doctor-document.ts';

/** `incubate doctor`: what the machine offers, what would be used, and what would make it better. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('show what this machine offers, which engine would be used and why; status 4 when none works')
    .option('--json', 'print one JSON document')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const document = await examineMachine();
      process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : doctorText(document));
      if (!document.engines.some((engine) => engine.available)) process.exitCode = ExitCode.environment;
    });
}

/** The examination for people. */
export function doctorText({ versions, system, devices, ...rest }: DoctorDocument): string {
  const { engines, probeFailure, choice, advice } = rest;
  const gpus = devices.gpus.map(({ index, name, memoryMiB }) => `${index}: ${name}, ${memoryMiB} MiB`);
  const found = engines.map(engineText);
  const facts: (readonly [string, readonly string[]])[] = [
    ['incubate', [`${versions.incubate}, Node ${versions.node}`]],
    ['system', [`${system.platform} ${system.release} ${system.architecture}`]],
    ['processor', [`${system.processor}, ${devices.threads} threads`]],
    ['memory', [`${(system.memoryBytes / 2 ** 30).toFixed(1)} GiB`]],
    ['GPUs', gpus.length > 0 ? gpus : [`none: ${devices.reason ?? 'no reason is known'}`]],
    ['engines', probeFailure === null ? found : [`not known: ${probeFailure}`]],
    ['would use', [`${choice.leases.map((lease) => lease.id).join(', ')}: ${choice.reason}`]],
    ['advice', advice.length > 0 ? advice : ['nothing to improve was found']],
  ];
  return facts
    .flatMap(([name, lines]) => lines.map((line, index) => `${(index === 0 ? name : '').padEnd(11)}${line}\n`))
    .join('');
}

function engineText({ name, available, version, device, reason }: EngineProbe): string {
  const because = reason === undefined ? '' : ` (${reason})`;
  return available ? `${name}: version ${version} on ${device}${because}` : `${name}: not available${because}`;
}

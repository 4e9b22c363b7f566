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
export function doctorText({ versions, system, devices, engines, choice, advice }: DoctorDocument): string {
  const gpus = devices.gpus.map(({ index, name, memoryMiB }) => `${index}: ${name}, ${memoryMiB} MiB`);
  const leases = choice.leases.map((lease) => lease.id).join(', ');
  const facts: (readonly [string, readonly string[]])[] = [
    ['incubate', [`${versions.incubate}, Node ${versions.node}`]],
    ['system', [`${system.platform} ${system.release} ${system.architecture}`]],
    ['processor', [`${system.processor}, ${devices.threads} threads`]],
    ['memory', [`${(system.memoryBytes / 2 ** 30).toFixed(1)} GiB`]],
    ['GPUs', gpus.length > 0 ? gpus : [`none: ${devices.reason ?? 'no reason is known'}`]],
    ['engines', engines.flatMap(engineLines)],
    ['would use', [`${choice.engine} on ${leases}: ${choice.reason}`]],
    ['advice', advice.length > 0 ? advice : ['nothing to improve was found']],
  ];
  return facts
    .flatMap(([name, lines]) => lines.map((line, index) => `${(index === 0 ? name : '').padEnd(11)}${line}\n`))
    .join('');
}

function engineLines({ name, available, version, device, precisions, reason, hint }: EngineProbe): string[] {
  const because = reason === undefined ? '' : ` (${reason})`;
  const found = available
    ? `works on ${device}${because}, ${['fp32', ...precisions].join(' and ')}, version ${version}`
    : `not available${because}`;
  return [`${name.padEnd(8)}${found}`, ...(hint === undefined ? [] : [`${' '.repeat(8)}${hint}`])];
}

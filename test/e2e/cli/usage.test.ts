import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { callCli, runCli } from '../../support/cli.ts';

const root = join(import.meta.dirname, '../../..');

describe('help and version', () => {
  it('prints the help', async () => {
    const { stdout, stderr, exitCode } = await runCli(['--help']);
    expect(exitCode).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toMatchInlineSnapshot(`
      "Usage: incubate [options] [command]

      Train large models by divide and conquer: Deep Incubation from the command line.

      Options:
        -V, --version  show the version
        -h, --help     show help

      Commands:
        train          train a model by Deep Incubation
        resume         continue a run that was stopped or failed
        sweep          carry out runs for all combinations of settings
        status         show how a run is doing, or list all runs
        logs           print what the workers of a run wrote
        compare        compare what runs reached and what it cost
        plan           show what a run would do and cost, without training
        eval           evaluate the weights of a run or file
        config         show the resolved configuration and where each value comes from
        clean          remove checkpoints of completed runs, or whole runs
        data           inspect, prepare, measure and generate data sets
        engine         build engines that do not come with the package
        doctor         show what this machine offers and which engine would be used
        completion     print a script that completes command lines in a shell
        help           show help for a command

      Without options, \`incubate train\` trains a small model on generated images."
    `);
  });

  it('prints the help of a command', async () => {
    const asked = await callCli(['config', '--help']);
    expect(asked).toMatchObject({ exitCode: 0, stderr: '' });
    expect(asked.stdout).toMatchInlineSnapshot(`
      "Usage: incubate config [options]

      show the resolved configuration as YAML, with the origin of each value; the
      output is a valid file for --config.

      Options:
        --json                print {config, origins, recipe} as JSON
        -h, --help            show help

      Configuration:
        --recipe <name>       bundled recipe to start from (default: shapes)
        -c, --config <file>   YAML file with settings
        --model <name>        architecture, such as vit-base or resnet-110
        --method <name>       incubation, imitation, e2e, infopro, dgl, greedy or
                              gstack
        --modules <k>         number of modules
        --depths <list>       blocks of each module: 4,3,3,2
        --data <source>       image folder or other data set, text, or shapes
        --subset <size>       part of the training images, class-balanced, or of the
                              text: 500 or 25%
        --shots <n>           training images of every class
        --batch-size <n>      images, or sequences of text, per optimiser step
        --seed <n>            seed of every random decision
        --engine <name>       what computes: auto, cpu, webgpu, cuda, tfjs or torch
        --precision <name>    what products and activations are computed in: fp32,
                              tf32, bf16 or fp16
        --gpus <list>         GPUs to use: auto, none, or 0,1,…
        --jobs-per-gpu <n>    jobs that share a GPU
        --threads <n>         CPU threads to use
        --cuda-graphs <when>  record steps of torch on a GPU: auto, on or off
        --retries <n>         further attempts of a job that failed
        --set <key=value>     any other setting, such as training.mixup=0.2;
                              repeatable"
    `);
    expect(await callCli(['help', 'config'])).toEqual(asked);
  });

  it('prints the version of package.json', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(await runCli(['--version'])).toEqual({ stdout: version, stderr: '', exitCode: 0 });
  });
});

describe('wrong usage ends with status 2 and nothing on stdout', () => {
  it.each([
    ['unknown command', ['cnofig'], "error: unknown command 'cnofig'\nhint: Did you mean config?\ncode: USAGE_COMMAND"],
    [
      'unknown option',
      ['config', '--modlues', '3'],
      "error: unknown option '--modlues'\nhint: Did you mean --modules?\ncode: USAGE_OPTION",
    ],
    [
      'unknown option of the program',
      ['--versoin'],
      "error: unknown option '--versoin'\nhint: Did you mean --version?",
    ],
    ['option without its value', ['config', '--seed'], "error: option '--seed <n>' argument missing\nhint: "],
    ['surplus argument', ['config', 'extra'], "error: too many arguments for 'config'"],
    ['unknown topic of help', ['help', 'cnofig'], 'Usage: incubate'],
    ['no command', [], 'Usage: incubate'],
    ['--set without a value', ['config', '--json', '--set', 'seed'], "error: --set takes key=value, not 'seed'"],
  ])('%s', async (_, args, message) => {
    const { stdout, stderr, exitCode } = await callCli(args);
    expect(stderr).toContain(message);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  });
});

describe('streams', () => {
  it('ends with status 141 when the reader of its output has gone', async () => {
    const launcher = join(root, 'bin/incubate.js');
    // `true` has ended before the program, whose start takes longer, writes.
    const script = '"$0" "$1" config | true; echo $PIPESTATUS';
    const { stdout } = await execa('bash', ['-c', script, process.execPath, launcher]);
    expect(stdout).toBe('141');
  });

  it('is coloured on demand only', async () => {
    expect((await callCli(['nonsense'])).stderr).not.toContain('\u001b');
    expect((await callCli(['nonsense'], { env: { FORCE_COLOR: '1' } })).stderr).toContain('\u001b[31merror:');
    expect((await callCli(['nonsense'], { env: { NO_COLOR: '1' } })).stderr).not.toContain('\u001b');
  });

  it('shows a stack trace only with INCUBATE_DEBUG=1', async () => {
    const args = ['config', '--seed', 'x'];
    expect((await runCli(args)).stderr).not.toMatch(/^\s+at /m);
    expect((await runCli(args, { env: { INCUBATE_DEBUG: '1' } })).stderr).toMatch(/^\s+at /m);
  });
});

it('starts fast: the help loads neither a tensor library nor the schema', async () => {
  const { stderr } = await execa(process.execPath, [join(root, 'bin/incubate.js'), '--help'], {
    env: { NODE_DEBUG: 'esm', NODE_OPTIONS: '' },
  });
  const loaded = new Set(stderr.match(/dist\/programs\/[\w/-]+\.js/g));
  const sources = [stderr, ...[...loaded].map((path) => readFileSync(join(root, path), 'utf8'))].join('\n');
  // The bundle says where its parts come from.
  expect(sources).toContain('node_modules/commander/');
  expect(sources).not.toMatch(/node_modules\/(zod|yaml|execa|@tensorflow|onnxruntime-node|sharp)\//);
});

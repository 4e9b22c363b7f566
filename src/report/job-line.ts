import type { JobState, JobStatus } from '../coordinator/replay.ts';
import type { ProgressMessage } from '../protocol/messages.ts';
import { formatDuration } from '../util/duration.ts';
import { lossFigure } from './figures.ts';
import { mainFigure } from './measures.ts';
import type { Colour, Paint } from './style.ts';

const appearance: Record<JobStatus, { readonly symbol: string; readonly colour: Colour }> = {
  pending: { symbol: '·', colour: 'dim' },
  running: { symbol: '›', colour: 'bold' },
  retrying: { symbol: '!', colour: 'yellow' },
  completed: { symbol: '✓', colour: 'green' },
  failed: { symbol: '✗', colour: 'red' },
  stopped: { symbol: '■', colour: 'yellow' },
};

/** A job in one line of at most `width` characters: state, epoch, loss, accuracy or perplexity, images/s or tokens/s, time left. */
export function jobLine(job: JobState, live: ProgressMessage | undefined, width: number, paint: Paint): string {
  const { symbol, colour } = appearance[job.status];
  const epoch = live?.epoch ?? job.epoch;
  const epochs = live?.epochs ?? job.epochs;
  const loss = live?.loss ?? job.loss;
  const cells = [
    `${symbol} ${job.id.padEnd(10)} ${job.status.padEnd(9)}`,
    (epoch === undefined || epochs === undefined ? '' : `epoch ${epoch}/${epochs}`).padEnd(13),
    (loss === undefined ? '' : `loss ${lossFigure(loss)}`).padEnd(12),
    (job.evaluation === undefined ? '' : mainFigure(job.evaluation)).padEnd(13),
    tail(job, live),
  ];
  return paint(colour, cells.join('  ').trimEnd().slice(0, width));
}

/** The end of a line says what matters most in the job's state. */
function tail(job: JobState, live: ProgressMessage | undefined): string {
  if (job.status === 'completed' && job.result) return formatDuration(job.result.seconds);
  if (job.status !== 'running') return job.error?.message ?? '';
  if (!live) return job.engine === undefined ? 'starting' : '';
  return `${speedOf(live)}  ${formatDuration(live.secondsLeft)} left`;
}

function speedOf({ imagesPerSecond, tokensPerSecond }: ProgressMessage): string {
  return tokensPerSecond === undefined
    ? `${(imagesPerSecond ?? 0).toFixed(0)} images/s`
    : `${tokensPerSecond.toFixed(0)} tokens/s`;
}

/** Process exit statuses; documented in docs/errors.md and never renumbered. */
export const ExitCode = {
  ok: 0,
  trainingFailed: 1,
  usage: 2,
  invalidConfig: 3,
  environment: 4,
  locked: 5,
  corruptRun: 6,
  data: 7,
  retryable: 75,
  interrupted: 130,
  pipeClosed: 141,
  terminated: 143,
} as const;

export type ExitStatus = (typeof ExitCode)[keyof typeof ExitCode];

/** The exit status that each family of error codes ends the process with. */
const familyStatus = {
  TRAINING: ExitCode.trainingFailed,
  USAGE: ExitCode.usage,
  CONFIG: ExitCode.invalidConfig,
  ENVIRONMENT: ExitCode.environment,
  ENGINE: ExitCode.environment,
  LOCKED: ExitCode.locked,
  RUN: ExitCode.corruptRun,
  CHECKPOINT: ExitCode.corruptRun,
  DATA: ExitCode.data,
  RETRY: ExitCode.retryable,
} as const;

/** `FAMILY` or `FAMILY_DETAIL`; the family decides the exit status. Every code is listed in docs/errors.md. */
export type ErrorCode = keyof typeof familyStatus | `${keyof typeof familyStatus}_${string}`;

export interface ErrorDetails {
  /** What the user can do about it, as a full sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An error a user can act on: printed as message and hint, never as a stack trace. */
export class IncubateError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'IncubateError';
    this.code = code;
    this.hint = details.hint;
  }

  get exitCode(): ExitStatus {
    const family = this.code.split('_', 1)[0] as keyof typeof familyStatus;
    return familyStatus[family];
  }
}

/** Code of errors that nobody foresaw, in their serialized form. */
export const UNEXPECTED = 'UNEXPECTED';

/** The plain form of an error, as it travels from a worker and into journals and `--json` output. */
export interface SerializedError {
  code: string;
  message: string;
  hint?: string;
  exitCode: number;
  /** Only for errors nobody foresaw: kept for the log, not printed. */
  stack?: string;
}

export function serializeError(error: unknown): SerializedError {
  if (error instanceof IncubateError) {
    const { code, message, hint, exitCode } = error;
    return { code, message, exitCode, ...(hint === undefined ? {} : { hint }) };
  }
  const plain = error instanceof Error ? error : new Error(String(error));
  return {
    code: UNEXPECTED,
    message: plain.message,
    exitCode: ExitCode.trainingFailed,
    ...(plain.stack === undefined ? {} : { stack: plain.stack }),
  };
}

/** The error that a serialized one was, without its causes. */
export function deserializeError({ code, message, hint, stack }: SerializedError): Error {
  if (code !== UNEXPECTED) return new IncubateError(code as ErrorCode, message, hint === undefined ? {} : { hint });
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function hasErrno(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** Longest message, bytes: a request or an answer about as many images as one message may name. */
const MAX_FRAME = 1 << 20;
const HEADER = 4;

/** A message as it travels: its length in four bytes, little-endian, and as much JSON. */
export function encodeFrame(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  if (body.length > MAX_FRAME) throw new RangeError(`a message of ${body.length} bytes is too long`);
  const frame = Buffer.allocUnsafe(HEADER + body.length);
  frame.writeUInt32LE(body.length);
  body.copy(frame, HEADER);
  return frame;
}

/**
 * Takes apart bytes that arrive in pieces and gives the values of whole messages to `onMessage`.
 *
 * The returned function says whether what it was given can be the beginning of messages; after it has said no, nothing
 * more may be given to it.
 */
export function createFrameReader(onMessage: (value: unknown) => void): (piece: Buffer) => boolean {
  let pieces: Buffer[] = [];
  let held = 0;
  /** Bytes up to the end of the frame that has begun; its header where that is not whole. */
  let wanted = HEADER;
  return (piece) => {
    pieces.push(piece);
    held += piece.length;
    while (held >= wanted) {
      const all = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
      if (wanted === HEADER) {
        const length = all.readUInt32LE();
        if (length === 0 || length > MAX_FRAME) return false;
        wanted += length;
        pieces = [all];
        continue;
      }
      let value: unknown;
      try {
        value = JSON.parse(all.toString('utf8', HEADER, wanted));
      } catch {
        return false;
      }
      pieces = [all.subarray(wanted)];
      held -= wanted;
      wanted = HEADER;
      onMessage(value);
    }
    return true;
  };
}

// Samples as a WAV file: 16-bit PCM, mono.

const HEADER = 44; // bytes

/**
 * @param chunks Float32Arrays in -1 .. 1, one after another.
 * @param rate Hz.
 * @returns a Blob.
 */
export function wavFile(chunks, rate) {
  const count = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const view = new DataView(new ArrayBuffer(HEADER + 2 * count));
  writeHeader(view, count, rate);
  let at = HEADER;
  for (const chunk of chunks) {
    for (const sample of chunk) {
      view.setInt16(at, Math.max(-32768, Math.min(32767, Math.round(sample * 32768))), true);
      at += 2;
    }
  }
  return new Blob([view], { type: 'audio/wav' });
}

function writeHeader(view, count, rate) {
  const word = (at, text) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  const number = (at, value) => view.setUint32(at, value, true);
  word(0, 'RIFF');
  number(4, HEADER - 8 + 2 * count);
  word(8, 'WAVEfmt ');
  number(16, 16); // bytes of the format
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  number(24, rate);
  number(28, 2 * rate); // bytes a second
  view.setUint16(32, 2, true); // bytes a sample
  view.setUint16(34, 16, true); // bits
  word(36, 'data');
  number(40, 2 * count);
}

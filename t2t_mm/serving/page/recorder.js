// The microphone, as a WAV file at the device's own rate; the server resamples.

import { Refusal } from './api.js';
import { wavFile } from './wav.js';

const REASONS = {
  NotAllowedError: 'The browser was not allowed to use the microphone.',
  NotFoundError: 'There is no microphone.',
  NotReadableError: 'The microphone is in use by another program.',
};

/** Why recording is impossible here, or null. */
export function whyNoRecording() {
  if (navigator.mediaDevices?.getUserMedia && window.AudioWorkletNode) return null;
  return window.isSecureContext
    ? 'This browser cannot record.'
    : 'Browsers record only from https or localhost.';
}

/**
 * Begins to record.
 * @param heard is called with the seconds recorded so far.
 * @returns a function that ends the recording and gives its Blob.
 */
export async function record(heard) {
  const context = new AudioContext();
  const chunks = [];
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    await context.audioWorklet.addModule('capture_worklet.js');
    await context.resume();
    connect(context, stream, (chunk) => {
      chunks.push(chunk);
      heard((chunks.length * chunk.length) / context.sampleRate);
    });
  } catch (error) {
    end(context, stream);
    throw new Refusal(REASONS[error.name] ?? `Recording failed (${error.message}).`);
  }
  return () => {
    end(context, stream);
    if (!chunks.length) throw new Refusal('Nothing was recorded; try again.');
    return wavFile(chunks, context.sampleRate);
  };
}

function connect(context, stream, take) {
  const capture = new AudioWorkletNode(context, 'capture');
  capture.port.onmessage = ({ data }) => take(data);
  context.createMediaStreamSource(stream).connect(capture);
  // A node that leads nowhere is not run; its output is silence.
  capture.connect(context.destination);
}

function end(context, stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
  context.close();
}

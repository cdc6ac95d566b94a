// The input of sound problems: a file or a recording, with a player and its waveform.

import { Refusal } from './api.js';
import { h } from './dom.js';
import { fileInput, fileOf } from './file_input.js';
import { record, whyNoRecording } from './recorder.js';
import { decoded, drawWaveform } from './sound.js';

/**
 * @param problem its facts.
 * @param limits the server's.
 * @param refuse is called with an error.
 * @param changed is called when there is another input.
 */
export function soundInput({ problem, limits, refuse, changed }) {
  let sound = null;
  let source = null;
  let stop = null; // of the recording that is under way
  const preview = h('div', { class: 'preview' });
  const files = fileInput({
    kind: 'audio', noun: 'sound', formats: 'a WAV, FLAC, Ogg or MP3 file', limits, opened, refuse,
  });
  const button = h('button', { type: 'button', id: 'record', click: toggle }, 'Record');
  const reason = whyNoRecording();
  button.disabled = Boolean(reason);

  async function opened(file) {
    changed();
    const found = await decoded(file, problem.sample_rate);
    if (found && limits && found.seconds > limits.audio_seconds) {
      throw new Refusal(`${file.name} lasts ${found.seconds.toFixed(1)} s; the server takes at most ${limits.audio_seconds} s.`);
    }
    sound = found;
    show(file);
  }

  function show(file) {
    if (source) URL.revokeObjectURL(source);
    source = URL.createObjectURL(file);
    const wave = h('canvas', { class: 'wave', width: 960, height: 120, role: 'img', 'aria-label': 'Waveform' });
    if (sound) drawWaveform(wave, sound.samples);
    const caption = sound
      ? `${file.name}, ${sound.seconds.toFixed(2)} s`
      : `${file.name}: this browser cannot draw it; the server may still read it`;
    preview.replaceChildren(h('figure', {}, sound ? wave : null,
      h('audio', { controls: true, src: source, 'aria-label': 'The sound to be sent' }),
      h('figcaption', {}, caption)));
  }

  async function toggle() {
    button.disabled = true;
    try {
      if (stop) await finish();
      else await begin();
    } catch (error) {
      refuse(error);
    } finally {
      button.disabled = false;
    }
  }

  async function begin() {
    refuse(null);
    stop = await record((seconds) => {
      if (!stop) return;
      button.textContent = `Stop (${seconds.toFixed(1)} s)`;
      if (limits && seconds > limits.audio_seconds - 0.2) toggle();
    });
    button.classList.add('recording');
  }

  async function finish() {
    const ended = stop;
    stop = null;
    button.textContent = 'Record';
    button.classList.remove('recording');
    await files.open(new File([ended()], 'recording.wav', { type: 'audio/wav' }));
  }

  files.zone.append(h('span', { class: 'hint' }, 'or'), button, reason ? h('span', { class: 'hint' }, reason) : '');
  return {
    element: h('div', {}, files.zone, preview),
    take: async () => {
      if (stop) await finish();
      return { ...(await files.take()), sound };
    },
    example: (row, index) => {
      const file = fileOf(row, `example_${index + 1}.wav`, 'audio/wav');
      return { label: `Sound ${index + 1}`, use: () => files.open(file) };
    },
    open: files.open,
    close: () => {
      files.close();
      if (stop) stop();
      if (source) URL.revokeObjectURL(source);
    },
  };
}

// Sounds for the eye: samples, waveform, and a mel spectrogram as models see it.

import { powerSpectrum } from './fourier.js';

const WINDOW = 0.025; // seconds of a frame
const STEP = 0.01; // seconds between two
const BINS = 64; // mel bands
const LOWEST = 20; // Hz
const RANGE = 8; // of the logarithm of the power that is shown: what is weaker is dark
const COLUMNS = 1200; // frames that are computed at most

/**
 * The samples of a sound file, mixed down to mono.
 * @param rate Hz to resample to; what browsers allow is 8,000 to 96,000.
 * @returns {samples, rate, seconds}, or null for a file that this browser cannot read.
 */
export async function decoded(blob, rate = 16000) {
  const allowed = Math.max(8000, Math.min(96000, rate));
  try {
    const context = new OfflineAudioContext(1, 1, allowed);
    const buffer = await context.decodeAudioData(await blob.arrayBuffer());
    return { samples: mono(buffer), rate: buffer.sampleRate, seconds: buffer.duration };
  } catch {
    return null;
  }
}

function mono(buffer) {
  const mixed = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const one = buffer.getChannelData(channel);
    for (let i = 0; i < one.length; i++) mixed[i] += one[i] / buffer.numberOfChannels;
  }
  return mixed;
}

/** Draws the extremes of the samples under each column of pixels. */
export function drawWaveform(canvas, samples) {
  const pen = canvas.getContext('2d');
  const { width, height } = canvas;
  const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1e-4);
  pen.fillStyle = '#2a8b95';
  for (let x = 0; x < width; x++) {
    const from = Math.floor((x * samples.length) / width);
    const to = Math.max(from + 1, Math.floor(((x + 1) * samples.length) / width));
    let [low, high] = [Infinity, -Infinity];
    // From the last sample of the column before, so that the line is not broken.
    for (let i = Math.max(0, from - 1); i < to && i < samples.length; i++) {
      low = Math.min(low, samples[i]);
      high = Math.max(high, samples[i]);
    }
    if (low > high) continue;
    const y = (value) => (1 - value / loudest) * 0.5 * height;
    pen.fillRect(x, y(high), 1, Math.max(1.5, y(low) - y(high)));
  }
}

/** A canvas with a pixel for each frame (left to right) and mel band (bottom to top). */
export function spectrogram({ samples, rate }) {
  const bands = melSpectrogram(samples, rate);
  const canvas = document.createElement('canvas');
  canvas.width = bands.length;
  canvas.height = BINS;
  const pen = canvas.getContext('2d');
  const image = pen.createImageData(bands.length, BINS);
  const loudest = bands.reduce((most, frame) => frame.reduce((a, b) => Math.max(a, b), most), -30);
  bands.forEach((frame, x) => frame.forEach((value, band) => {
    const light = Math.max(0, 1 - (loudest - value) / RANGE);
    image.data.set(shade(light), 4 * ((BINS - 1 - band) * bands.length + x));
  }));
  pen.putImageData(image, 0, 0);
  return canvas;
}

/** Dark blue over teal to pale yellow. */
function shade(light) {
  const mix = (low, middle, high) => (light < 0.5
    ? low + 2 * light * (middle - low)
    : middle + (2 * light - 1) * (high - middle));
  return [mix(14, 31, 250), mix(20, 135, 240), mix(40, 140, 190), 255];
}

function melSpectrogram(samples, rate) {
  const frame = Math.max(32, Math.round(WINDOW * rate));
  const step = Math.max(Math.round(STEP * rate), Math.ceil(samples.length / COLUMNS));
  const size = 2 ** Math.ceil(Math.log2(2 * frame));
  const filters = melFilters(rate, size);
  const frames = [];
  for (let at = 0; at === 0 || at + frame <= samples.length; at += step) {
    const power = powerSpectrum(emphasised(samples, at, frame), size);
    frames.push(filters.map((filter) => Math.log(1e-9 + banded(filter, power))));
  }
  return frames;
}

function emphasised(samples, at, length) {
  const windowed = new Float64Array(length);
  for (let i = 0; i < length && at + i < samples.length; i++) {
    const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length);
    windowed[i] = hann * (samples[at + i] - 0.97 * (samples[at + i - 1] ?? 0));
  }
  return windowed;
}

const mel = (hertz) => 1127 * Math.log(1 + hertz / 700);
const hertz = (value) => 700 * (Math.exp(value / 1127) - 1);

/** Triangles between neighbouring points of the mel scale, as [first, weights]. */
function melFilters(rate, size) {
  const [low, high] = [mel(LOWEST), mel(Math.min(8000, rate / 2))];
  const edge = (i) => (hertz(low + ((high - low) * i) / (BINS + 1)) * size) / rate;
  return Array.from({ length: BINS }, (_, band) => triangle(edge(band), edge(band + 1), edge(band + 2)));
}

function triangle(left, middle, right) {
  const first = Math.max(0, Math.floor(left));
  const weights = [];
  for (let bin = first; bin <= Math.ceil(right); bin++) {
    weights.push(Math.max(0, Math.min((bin - left) / (middle - left), (right - bin) / (right - middle))));
  }
  const sum = weights.reduce((a, b) => a + b, 0);
  if (sum > 0) return [first, weights.map((weight) => weight / sum)];
  return [Math.round(middle), [1]];
}

function banded([first, weights], power) {
  return weights.reduce((sum, weight, i) => sum + weight * (power[first + i] ?? 0), 0);
}

// Runs in the audio thread: hands on what the microphone gives, mixed down to mono.

class Capture extends AudioWorkletProcessor {
  process([channels]) {
    if (channels.length) this.port.postMessage(mean(channels));
    return true;
  }
}

function mean(channels) {
  return channels[0].map((_, i) => channels.reduce((sum, one) => sum + one[i], 0) / channels.length);
}

registerProcessor('capture', Capture);

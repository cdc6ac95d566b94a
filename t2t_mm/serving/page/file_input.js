// What pictures and sounds have in common: choose, drop or paste a file; check it; base64.

import { Refusal } from './api.js';
import { h, megabytes } from './dom.js';

const AROUND = 400; // bytes of a request beside the base64

/**
 * @param kind 'image' or 'audio', as MIME types begin.
 * @param noun 'picture' or 'sound'.
 * @param formats to be told, such as 'a PNG or JPEG file'.
 * @param limits the server's.
 * @param opened is called with each new file, after the checks; may throw a Refusal.
 * @param refuse is called with an error.
 */
export function fileInput({ kind, noun, formats, limits, opened, refuse }) {
  let file = null;
  const chooser = h('input', {
    type: 'file', id: 'file', accept: `${kind}/*`, change: () => chooser.files[0] && open(chooser.files[0]),
  });
  const zone = h('div', { class: 'drop' },
    h('label', { for: 'file' }, `Choose a ${noun}`), chooser,
    h('span', { class: 'hint' }, `or drop ${kind === 'image' ? 'or paste it' : 'it'} here`));
  const stop = listen(zone, kind, open);

  async function open(chosen) {
    try {
      check(chosen);
      await opened(chosen);
      file = chosen;
    } catch (error) {
      refuse(error);
    }
  }

  function check(chosen) {
    if (chosen.type && !chosen.type.startsWith(`${kind}/`)) {
      throw new Refusal(`${chosen.name} is not a ${noun} (${chosen.type}); this problem takes ${formats}.`);
    }
    if (!chosen.size) throw new Refusal(`${chosen.name} is empty; give ${formats}.`);
    const most = limits ? Math.floor(((limits.body_bytes - AROUND) * 3) / 4) : Infinity;
    if (chosen.size > most) {
      throw new Refusal(`${chosen.name} has ${megabytes(chosen.size)}; the server takes at most ${megabytes(most)}.`);
    }
  }

  async function take() {
    if (!file) throw new Refusal(`Choose a ${noun} first.`);
    return { kind, row: { b64: await base64(file) }, file };
  }

  return { zone, open, take, close: stop };
}

/** Drops anywhere on the page, and pastes; a drop that misses must not leave the page. */
function listen(zone, kind, open) {
  const ending = new AbortController();
  const on = (name, listener) => window.addEventListener(name, listener, { signal: ending.signal });
  on('dragover', (event) => {
    event.preventDefault();
    zone.classList.add('over');
  });
  on('dragleave', (event) => event.relatedTarget || zone.classList.remove('over'));
  on('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
  });
  on('paste', (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith(`${kind}/`));
    if (pasted) open(pasted);
  });
  return () => ending.abort();
}

function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
    reader.onerror = () => reject(new Refusal('The file cannot be read any more; choose it again.'));
    reader.readAsDataURL(blob);
  });
}

/** An example of the export as a file. */
export function fileOf({ b64 }, name, type) {
  const bytes = Uint8Array.from(atob(b64), (letter) => letter.charCodeAt(0));
  return new File([bytes], name, { type });
}

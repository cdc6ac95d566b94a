// The input of text problems.

import { Refusal } from './api.js';
import { h } from './dom.js';

const SHOWN = 44; // letters of an example on its button

/**
 * @param problem the server's description of it.
 * @param limits the server's.
 * @param send is called on Ctrl+Enter.
 */
export function textInput({ problem, limits, send }) {
  const box = h('textarea', { id: 'text', rows: 3, placeholder: problem?.absent ? 'The beginning of a text, or nothing' : 'Type a sentence', keydown: onKey });
  const element = h('div', {},
    h('label', { for: 'text' }, 'Text'),
    box,
    h('p', { class: 'hint' }, h('kbd', {}, 'Ctrl'), ' + ', h('kbd', {}, 'Enter'), ' answers'));

  function onKey(event) {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    send();
  }

  async function take() {
    const text = box.value.trim();
    if (!text && !problem?.absent) throw new Refusal('Type a text first.');
    const bytes = new TextEncoder().encode(text).length;
    if (limits && bytes > limits.text_bytes) {
      throw new Refusal(`The text has ${bytes} bytes in UTF-8; the server takes at most ${limits.text_bytes}.`);
    }
    return { kind: 'text', row: text, text };
  }

  return {
    element,
    take,
    example: (text) => ({
      label: text.length > SHOWN ? `${text.slice(0, SHOWN)} ...` : text,
      use: async () => {
        box.value = text;
      },
    }),
    close: () => {},
  };
}

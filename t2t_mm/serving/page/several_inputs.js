// The input of problems that read several things: one input of its own for each.

import { h } from './dom.js';

/**
 * @param inputs name -> input, as textInput and the like make them.
 */
export function severalInputs(inputs) {
  const names = Object.keys(inputs);
  const parts = names.map((name) =>
    h('fieldset', { class: 'part' }, h('legend', {}, name), inputs[name].element));

  async function take() {
    const row = {};
    let text = null;
    for (const name of names) {
      const taken = await inputs[name].take();
      row[name] = taken.row;
      text = taken.text ?? text;
    }
    return { kind: 'several', row, text };
  }

  return {
    element: h('div', {}, ...parts),
    take,
    example: (row, index) => {
      const own = names.map((name) => inputs[name].example(row[name], index));
      return {
        label: h('span', {}, ...own.flatMap((one) => [one.label, ' '])),
        use: () => Promise.all(own.map((one) => one.use())),
      };
    },
    close: () => names.forEach((name) => inputs[name].close()),
  };
}

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
    const parts = {};
    for (const name of names) parts[name] = await inputs[name].take();
    const row = Object.fromEntries(names.map((name) => [name, parts[name].row]));
    return { kind: 'several', row, parts };
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

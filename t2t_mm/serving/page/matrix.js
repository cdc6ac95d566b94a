// Attention as a table: a row for each word of the answer, a column for each of the source.

import { h, percent } from './dom.js';

const MOST = 6000; // cells; browsers become slow with many more

/**
 * The colours are relative to the highest weight of the table.
 * @param rows tokens of the answer.
 * @param columns tokens of the source.
 * @param weights [rows][columns].
 * @param choose is called with the index of a row.
 * @returns {element, mark}, or null for a table that is too large.
 */
export function matrix(rows, columns, weights, choose) {
  if (rows.length * columns.length > MOST) return null;
  const most = Math.max(...weights.flat(), 1e-9);
  const head = h('tr', {}, h('td', {}), columns.map(({ text }) =>
    h('th', { scope: 'col' }, h('span', {}, text))));
  const body = rows.map((row, r) =>
    h('tr', { mouseenter: () => choose(r) },
      h('th', { scope: 'row' }, row.text),
      columns.map((column, c) => cell(weights[r][c], most, `${row.text} ← ${column.text}`))));
  const table = h('table', { class: 'matrix' }, h('thead', {}, head), h('tbody', {}, body));
  const mark = (chosen) => body.forEach((row, r) => row.classList.toggle('chosen', r === chosen));
  return { element: h('div', { class: 'scrolls', tabindex: 0, role: 'region', 'aria-label': 'Attention table' }, table), mark };
}

function cell(weight, most, names) {
  const title = `${names}: ${percent(weight)}`;
  return h('td', { title, '--light': (weight / most).toFixed(4), 'data-weight': weight.toFixed(4) },
    h('span', { class: 'unseen' }, percent(weight)));
}

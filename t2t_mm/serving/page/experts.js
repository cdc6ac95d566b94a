// Which experts of a mixture a position used: small boxes, as opaque as their gates.

import { h, percent } from './dom.js';

const NUMBERED = 24; // pixels; narrower stripes have no number

/** A colour for an expert's number; neighbours differ much. */
export function expertColour(expert, gate) {
  return `hsl(${Math.round(expert * 137.508) % 360} 62% 50% / ${(0.12 + 0.88 * gate).toFixed(3)})`;
}

/**
 * The experts that a position used, the most used first.
 * @param experts [k] numbers; undefined without a mixture.
 * @param gates [k].
 * @returns [{expert, gate}].
 */
export function used(experts, gates) {
  return (experts ?? [])
    .map((expert, i) => ({ expert, gate: gates[i] ?? 0 }))
    .filter(({ gate }) => gate > 0)
    .sort((a, b) => b.gate - a.gate);
}

/** "expert 3 (62 %), expert 7 (38 %)". */
export function inWords(list) {
  return list.map(({ expert, gate }) => `expert ${expert} (${percent(gate)})`).join(', ') || 'no expert';
}

/** The boxes of the pieces of one token, side by side. */
export function strip(token, experts, gates) {
  const columns = [];
  for (let i = token.from; i < token.to; i++) {
    const list = used(experts?.[i], gates?.[i]);
    if (list.length) columns.push(h('span', { class: 'experts', title: inWords(list) }, list.map(box)));
  }
  return h('span', { class: 'strips' }, columns);
}

function box({ expert, gate }) {
  return h('span', { class: 'expert', '--colour': expertColour(expert, gate) }, String(expert));
}

/** Fills a rectangle of a canvas with a stripe for each expert. */
export function paint(pen, { x, y, width, height }, list) {
  const high = height / list.length;
  pen.font = '11px ui-monospace, monospace';
  pen.textBaseline = 'middle';
  list.forEach(({ expert, gate }, i) => {
    pen.fillStyle = expertColour(expert, gate);
    pen.fillRect(x, y + i * high, width, high);
    if (width < NUMBERED || high < NUMBERED / 2) return;
    pen.fillStyle = '#ffffff';
    pen.fillText(String(expert), x + 3, y + (i + 0.5) * high + 1);
  });
}

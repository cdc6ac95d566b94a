// The source of an answer, as words, picture or sound, with attention and the encoder's experts.
//
// Each view is {element, show(weights), strongest(weights)}: `show` takes the attention of a token
// over all L positions, or null.

import { cellMap, copied, dimmed, spotlight } from './cell_map.js';
import { h, percent } from './dom.js';
import { inWords, paint, used } from './experts.js';
import { spectrogram } from './sound.js';
import { sourceRow } from './token_row.js';

const SIDE = 384; // pixels of a picture's longer side
const WIDE = 960; // pixels of a sound's time axis
const TOLD = 3; // strongest positions that are told in words

/** Words: `tokens` of the source. */
export function textView(seen, tokens) {
  const row = sourceRow(tokens, { experts: seen.source_experts, gates: seen.source_gates });
  return {
    element: h('div', {}, h('h3', {}, 'Words of the input'), row.element),
    show: (weights) => row.show(weights?.map((weight) => weight / Math.max(...weights, 1e-9))),
    strongest: (weights) => told(weights, (i) => `“${tokens[i].text}”`),
  };
}

/** A picture; `image` may be null where the browser cannot show it. */
export function pictureView(seen, image, readout) {
  const [rows, columns] = seen.grid;
  const larger = Math.max(image?.naturalWidth ?? 1, image?.naturalHeight ?? 1);
  const width = Math.round((SIDE * (image?.naturalWidth ?? 1)) / larger);
  const height = Math.round((SIDE * (image?.naturalHeight ?? 1)) / larger);
  const bright = copied(image, width, height, larger >= 128);
  const place = (l) => `row ${Math.floor(l / columns) + 1}, column ${(l % columns) + 1}`;
  const grid = { rows, columns, width, height, index: (row, column) => row * columns + column };
  return gridView(seen, grid, bright, place, readout, 'pictures');
}

/** A sound; `sound` may be null where the browser cannot read it. */
export function soundView(seen, sound, readout) {
  const [times, bands] = seen.grid;
  const [height, seconds] = [160, sound?.seconds ?? 0];
  const bright = copied(sound && spectrogram(sound), WIDE, height);
  const place = (l) => {
    const time = Math.floor(l / bands);
    const when = seconds ? `${((time * seconds) / times).toFixed(2)} s` : `time ${time + 1}`;
    return bands > 1 ? `${when}, band ${(l % bands) + 1} of ${bands}` : when;
  };
  const index = (row, column) => column * bands + (bands - 1 - row);
  const grid = { rows: bands, columns: times, width: WIDE, height, index };
  return gridView(seen, grid, bright, place, readout, 'sounds');
}

function gridView(seen, grid, bright, place, readout, className) {
  let current = null;
  const list = (l) => used(seen.source_experts?.[l], seen.source_gates?.[l]);
  const say = (l) => {
    if (l === null) return readout(null);
    const share = current ? [`attention ${percent(current[l])}`] : [];
    const experts = seen.source_experts?.[l]?.length ? [inWords(list(l))] : [];
    return readout(`${place(l)}: ${[...share, ...experts].join('; ')}`);
  };
  const looked = cellMap({ ...grid, label: 'Attention over the input', point: say });
  const dim = dimmed(bright);
  spotlight(looked, bright, dim, null);
  const caption = seen.attention?.length ? 'Input, bright where it was looked at' : 'Input';
  const figures = [h('figure', {}, looked.canvas, h('figcaption', {}, caption))];
  if (seen.source_experts?.[0]?.length) figures.push(expertMap(grid, dim, list, say, className));
  return {
    element: h('div', { class: className }, figures),
    show: (weights) => {
      current = weights;
      spotlight(looked, bright, dim, weights);
    },
    strongest: (weights) => told(weights, place),
  };
}

/** The grid again, each cell with the colours of its experts. */
function expertMap(grid, dim, list, say, className) {
  const height = className === 'sounds' ? 64 : grid.height;
  const map = cellMap({ ...grid, height, label: "Experts of the encoder's mixture", point: say });
  map.pen.drawImage(dim, 0, 0, grid.width, height);
  for (const [l, { x, y, width, height: high }] of map.cells()) {
    paint(map.pen, { x: x + 0.5, y: y + 0.5, width: width - 1, height: high - 1 }, list(l));
  }
  return h('figure', {}, map.canvas, h('figcaption', {}, "The encoder's experts, each as opaque as its gate"));
}

function told(weights, place) {
  return weights
    .map((weight, i) => ({ weight, i }))
    .sort((a, b) => b.weight - a.weight)
    .slice(0, TOLD)
    .filter(({ weight }) => weight > 0.005)
    .map(({ weight, i }) => `${place(i)} (${percent(weight)})`)
    .join('; ');
}

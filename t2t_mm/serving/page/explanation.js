// What the model looked at: tokens of the answer, and the source under the chosen one's attention.

import { h } from './dom.js';
import { matrix } from './matrix.js';
import { between, meanRow, tokensOf, wordsAreLong } from './pieces.js';
import { pictureView, soundView, textView } from './source_views.js';
import { tokenRow } from './token_row.js';

const POINT = { image: 'Point at the picture to read its cells.', audio: 'Point at the sound to read its times.' };

/**
 * @param place an element to fill.
 * @param seen what explain_PROBLEM returned.
 * @param asked {kind, image, sound}: the input.
 */
export function showExplanation(place, seen, asked) {
  const pieces = [...(seen.target_pieces ?? []), ...(seen.source_pieces ?? [])];
  const splits = [true, false].map((whole) => tokensOf(pieces, whole).length);
  let whole = !wordsAreLong(pieces);
  const views = h('div', {});
  const render = () => views.replaceChildren(...parts(seen, asked, whole));
  const toggle = h('label', { class: 'toggle' },
    h('input', { type: 'checkbox', id: 'pieces', checked: !whole, change: ({ target }) => {
      whole = !target.checked;
      render();
    } }), 'Show word pieces');
  render();
  place.replaceChildren(splits[0] === splits[1] ? '' : toggle, views);
}

function parts(seen, asked, whole) {
  const readout = h('p', { class: 'readout', 'aria-live': 'polite' });
  const sources = asked.kind === 'text' ? tokensOf(seen.source_pieces ?? [], whole) : null;
  const source = viewOf(seen, asked, sources, readout);
  const targets = tokensOf(seen.target_pieces ?? [], whole);
  if (!targets.length) return labelParts(seen, source, readout, asked);
  const mixture = { experts: seen.experts, gates: seen.gates };
  const row = tokenRow(targets, mixture, 'Words of the answer', (index) => choose(index));
  if (!seen.attention?.length) {
    row.mark(-1);
    return [h('h3', {}, 'Words of the answer'), row.element, hint(mixture, 'This model has no attention to the input. '), source.element];
  }
  const weights = sources
    ? between(seen.attention, targets, sources)
    : targets.map((target) => meanRow(seen.attention, target));
  const table = sources && matrix(targets, sources, weights, (index) => choose(index));
  let chosen = -1;

  function choose(index) {
    if (index === chosen) return;
    chosen = index;
    row.mark(index);
    table?.mark(index);
    source.show(weights[index]);
    const most = source.strongest(weights[index]);
    readout.dataset.chosen = `“${targets[index].text}” looked most at ${most || 'nothing'}.`;
    readout.textContent = readout.dataset.chosen;
  }

  choose(0);
  const tables = table ? [h('h3', {}, 'Attention'), table.element] : [];
  return [h('h3', {}, 'Words of the answer'), row.element, hint(mixture, ''), readout, source.element, ...tables];
}

function viewOf(seen, asked, sources, readout) {
  const say = (words) => {
    readout.textContent = words ?? readout.dataset.chosen ?? '';
  };
  if (sources) return textView(seen, sources);
  return asked.kind === 'image' ? pictureView(seen, asked.image, say) : soundView(seen, asked.sound, say);
}

function labelParts(seen, source, readout, asked) {
  const words = 'A label is read off the encoder: no word of an answer looks back at the input.';
  readout.dataset.chosen = POINT[asked.kind] ?? '';
  readout.textContent = readout.dataset.chosen;
  const experts = seen.source_experts?.[0]?.length ? ' What can be shown is which experts each position used.' : '';
  return [h('p', { class: 'hint' }, words + experts), source.element, readout];
}

function hint({ experts }, words) {
  const boxes = experts?.[0]?.length
    ? 'Numbered boxes are the experts that a position used, as opaque as its gates. '
    : '';
  return h('p', { class: 'hint' }, `${words}${boxes}Point at a word, or use the arrow keys.`);
}

// The best answer, drawn if it is a tree, and the alternatives with their probabilities.

import { h, percent } from './dom.js';
import { drawTree } from './tree_drawing.js';
import { readTree } from './trees.js';

/**
 * @param place an element to fill.
 * @param problem its facts.
 * @param output the text to show.
 * @param source the input's text; null if it is none.
 */
export function showBest(place, problem, output, source) {
  if (problem.targets === 'tree' && output) {
    place.replaceChildren(...treeViews(output, source));
    return;
  }
  const words = output || 'The model answered with nothing.';
  place.replaceChildren(h('p', { class: output ? 'best' : 'best none' }, words));
}

function treeViews(output, source) {
  const text = h('p', { class: 'notation' }, output);
  try {
    const words = (source ?? '').split(/\s+/).filter(Boolean);
    const drawing = drawTree(readTree(output, words), `Parse tree: ${output}`);
    return [h('div', { class: 'scrolls', tabindex: 0, role: 'region', 'aria-label': 'Parse tree' }, drawing), text];
  } catch (error) {
    return [text, h('p', { class: 'hint' }, `This is not a whole tree, so it is not drawn: ${error.message}`)];
  }
}

/**
 * @param place an element to fill.
 * @param answers [{output, probability}], the best first.
 * @param label whether they are class labels.
 * @param choose is called with the index of a chosen one; null: they cannot be chosen.
 * @returns {mark, perToken}: functions that mark an index as shown, and tell how many tokens the answer of an index has.
 */
export function showAlternatives(place, answers, label, choose) {
  const rows = answers.map((answer, index) => row(answer, choose && (() => choose(index))));
  const mean = h('p', { class: 'hint', id: 'per-token' });
  const title = label ? 'Likeliest labels' : 'Alternatives';
  place.replaceChildren(
    h('h3', {}, title),
    h('ol', { class: 'alternatives' }, rows),
    mean,
    choose && answers.length > 1 ? h('p', { class: 'hint' }, 'Choose one to see it and what it looked at.') : '');
  return {
    mark(shown) {
      rows.forEach((one, index) => one.firstChild.setAttribute('aria-pressed', index === shown));
      mean.textContent = '';
    },
    perToken(index, tokens) {
      mean.textContent = perToken(answers[index].score, tokens);
    },
  };
}

/**
 * A long answer is unlikely as a whole, however sure the model is of each token.
 * @returns words on the mean probability of a token (their geometric mean); '' where there is none.
 */
export function perToken(score, tokens) {
  if (score === null || tokens < 2) return '';
  return `The percentages are of whole answers; of this one each token has ${percent(Math.min(1, Math.exp(score / tokens)))} on average (${tokens} tokens).`;
}

function row({ output, score, probability }, choose) {
  const share = probability ?? 0;
  const content = [
    h('span', { class: 'output' }, output || '(nothing)'),
    h('span', { class: 'bar', '--share': `${100 * share}%`, 'aria-hidden': true }),
    h('span', { class: 'share', title: score === null ? 'no score' : `score ${score.toFixed(3)}` },
      probability === null ? '-' : percent(probability)),
  ];
  const box = choose ? h('button', { type: 'button', click: choose }, content) : h('div', {}, content);
  return h('li', { class: 'alternative' }, box);
}

// Tokens in a row, as buttons of which one is chosen; arrow keys, hovering and touching choose.

import { h } from './dom.js';
import { strip } from './experts.js';

/**
 * @param tokens [{text, from, to}].
 * @param mixture {experts, gates} by piece.
 * @param label for screen readers.
 * @param choose is called with the index of a token.
 * @returns {element, mark}: mark(index) shows which one is chosen.
 */
export function tokenRow(tokens, mixture, label, choose) {
  const buttons = tokens.map((token, index) =>
    h('button', {
      type: 'button', class: 'token', 'data-token': index, tabindex: index ? -1 : 0,
      click: () => choose(index), mouseenter: () => choose(index), focus: () => choose(index),
    }, h('span', { class: token.text === 'end' ? 'word end' : 'word' }, token.text),
    strip(token, mixture.experts, mixture.gates)));
  const element = h('div', { class: 'tokens', role: 'group', 'aria-label': label, keydown: move }, buttons);

  function move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (!step || !next) return;
    event.preventDefault();
    next.focus();
  }

  function mark(chosen) {
    buttons.forEach((button, index) => {
      button.setAttribute('aria-pressed', index === chosen);
      button.tabIndex = index === chosen ? 0 : -1;
    });
  }

  return { element, mark };
}

/** Source words that are as coloured as they were looked at; `show` takes shares of 0 .. 1. */
export function sourceRow(tokens, mixture) {
  const words = tokens.map((token) =>
    h('span', { class: 'token source' },
      h('span', { class: token.text === 'end' ? 'word end' : 'word' }, token.text),
      strip(token, mixture.experts, mixture.gates)));
  const show = (shares) => words.forEach((word, i) => word.style.setProperty('--light', shares?.[i] ?? 0));
  return { element: h('div', { class: 'tokens' }, words), show };
}

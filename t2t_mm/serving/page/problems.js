// The list of problems, grouped by what goes in.

import { h } from './dom.js';

const GROUPS = [
  ['text', 'Text'],
  ['image', 'Picture'],
  ['audio', 'Sound'],
];
const TAKES = { text: 'a text', image: 'a picture', audio: 'a sound' };

/**
 * Fills `place` with a radio button for each problem.
 * @param problems the card's: name -> facts.
 * @param choose is called with a name.
 * @returns a function that marks a name as chosen.
 */
export function listProblems(place, problems, choose) {
  const groups = GROUPS.map(([kind, title]) => {
    const names = Object.keys(problems).filter((name) => problems[name].inputs === kind);
    return names.length ? group(title, names, problems, choose) : null;
  });
  place.replaceChildren(...groups.filter(Boolean));
  return (name) => {
    for (const radio of place.querySelectorAll('input')) {
      radio.checked = radio.value === name;
      if (radio.checked) reveal(place, radio.parentElement);
    }
  };
}

function group(title, names, problems, choose) {
  const rows = names.map((name) =>
    h('label', { class: 'problem' },
      h('input', { type: 'radio', name: 'problem', value: name, change: () => choose(name) }),
      h('span', { class: 'name' }, name),
      h('span', { class: 'kind' }, answerOf(problems[name]))));
  return h('fieldset', {}, h('legend', {}, title), rows);
}

function answerOf(problem) {
  if (problem.targets === 'label') return `to one of ${problem.labels?.length ?? 'some'} labels`;
  return problem.targets === 'tree' ? 'to a parse tree' : 'to text';
}

/** Scrolls the list alone, where it is lower than its content. */
function reveal(place, row) {
  const [outer, inner] = [place.getBoundingClientRect(), row.getBoundingClientRect()];
  if (inner.top < outer.top || inner.bottom > outer.bottom) {
    place.scrollTop += inner.top - outer.top - (outer.height - inner.height) / 2;
  }
}

/** The lines under a problem's name. */
export function factsOf(problem) {
  const command = problem.command
    ? [', by the command ', h('code', {}, problem.command)]
    : [];
  const scored = problem.metrics?.length ? ` Scored by ${problem.metrics.join(', ')}.` : '';
  return [`From ${TAKES[problem.inputs]} ${answerOf(problem)}`, ...command, '.', scored];
}

// The list of problems, grouped by what goes in.

import { h } from './dom.js';

const TITLES = { text: 'Text', image: 'Picture', audio: 'Sound' };
const SEVERAL = 'Several inputs';
const TAKES = { text: 'a text', image: 'a picture', audio: 'a sound' };
const ANSWERS = { tree: 'to a parse tree', number: 'to a number', tags: 'to a tag for each word' };

/** Input's name -> what the export says of it; exports of the first edition had one input. */
export function featuresOf(problem) {
  return problem.features ?? { inputs: { kind: problem.inputs } };
}

function titleOf(problem) {
  const kinds = Object.values(featuresOf(problem)).map(({ kind }) => kind);
  return kinds.length > 1 ? SEVERAL : TITLES[kinds[0]] ?? kinds[0];
}

/**
 * Fills `place` with a radio button for each problem.
 * @param problems the card's: name -> facts.
 * @param choose is called with a name.
 * @returns a function that marks a name as chosen.
 */
export function listProblems(place, problems, choose) {
  const titles = new Set([...Object.values(TITLES), ...Object.values(problems).map(titleOf)]);
  const groups = [...titles].map((title) => {
    const names = Object.keys(problems).filter((name) => titleOf(problems[name]) === title);
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
  return ANSWERS[problem.targets] ?? 'to text';
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
  const taken = Object.values(featuresOf(problem)).map(({ kind }) => TAKES[kind] ?? `a ${kind}`);
  return [`From ${taken.join(' and ')} ${answerOf(problem)}`, ...command, '.', scored];
}

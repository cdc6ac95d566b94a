// Puts the parts together: which problem, its input, the request, the answer.

import { showAlternatives, showBest } from './answers.js';
import { explain, loadCard, predict, Refusal } from './api.js';
import { showCalls } from './call_panel.js';
import { h } from './dom.js';
import { showExplanation } from './explanation.js';
import { pictureInput } from './picture_input.js';
import { factsOf, featuresOf, listProblems } from './problems.js';
import { severalInputs } from './several_inputs.js';
import { soundInput } from './sound_input.js';
import { textInput } from './text_input.js';

const INPUTS = { text: textInput, image: pictureInput, audio: soundInput };
const AGAIN = 2000; // milliseconds until a server without a model is asked again
const SLOW = 400; // milliseconds after which it is said that the model still works

const page = Object.fromEntries([...document.querySelectorAll('[id]')].map((one) => [one.id, one]));
let card = null;
let mark = () => {}; // marks a problem in the list
let name = null; // the chosen problem
let input = null; // its input
let running = null; // AbortController of the request that is under way
let looking = new AbortController(); // of the explanation

page.form.addEventListener('submit', (event) => {
  event.preventDefault();
  send();
});
page.cancel.addEventListener('click', () => running?.abort());
window.addEventListener('hashchange', () => named() && named() !== name && choose(named()));
// Nothing fails in silence.
window.addEventListener('error', (event) => refuse(event.error ?? new Error(event.message)));
window.addEventListener('unhandledrejection', (event) => refuse(event.reason));
start();

async function start() {
  while (!card) {
    try {
      card = await loadCard();
    } catch (error) {
      refuse(new Refusal(`${error.message} Trying again ...`));
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
  refuse(null);
  showCard();
  choose(named() ?? Object.keys(card.problems)[0]);
}

/** The problem that the address names, if there is such a one. */
function named() {
  const names = Object.keys(card?.problems ?? {});
  return names.find((one) => `#${encodeURIComponent(one)}` === location.hash) ?? null;
}

function showCard() {
  const facts = [card.model, card.hparams_set, card.step && `step ${card.step}`, card.weights, `version ${card.version}`];
  page.model.textContent = facts.filter(Boolean).join(' · ');
  document.title = `${card.name}: ${card.model ?? 'model'}`;
  mark = listProblems(page.problems, card.problems, choose);
}

function choose(chosen) {
  running?.abort();
  input?.close();
  clearAnswer();
  refuse(null);
  say('');
  name = chosen;
  const problem = card.problems[name];
  input = inputOf(problem);
  page['problem-name'].textContent = name;
  page['problem-facts'].replaceChildren(...factsOf(problem));
  page.input.replaceChildren(input.element);
  showExamples(problem.examples ?? []);
  page.ask.hidden = false;
  mark(name);
  history.replaceState(null, '', `#${encodeURIComponent(name)}`);
}

/** An input for what the problem reads; what this page does not know is given as text. */
function inputOf(problem) {
  const made = Object.entries(featuresOf(problem)).map(([slot, { kind }]) =>
    [slot, (INPUTS[kind] ?? textInput)({ problem, limits: card.limits, send, refuse, changed })]);
  return made.length === 1 ? made[0][1] : severalInputs(Object.fromEntries(made));
}

function showExamples(examples) {
  const buttons = examples.map((example, index) => {
    const { label, use } = input.example(example, index);
    return h('button', { type: 'button', class: 'example', click: use }, label);
  });
  page.examples.replaceChildren(...(buttons.length ? [h('span', { class: 'hint' }, 'Try:'), ...buttons] : []));
}

async function send() {
  if (running) return;
  const own = begin();
  try {
    const asked = { ...(await input.take()), name };
    const start = performance.now();
    const answers = await predict(card, name, asked.row, own.signal);
    end(own);
    say(`Answered in ${((performance.now() - start) / 1000).toFixed(2)} s.`);
    showAnswers(answers, asked);
  } catch (error) {
    if (running === own) await failed(error);
  } finally {
    end(own);
  }
}

function begin() {
  const own = new AbortController();
  running = own;
  clearAnswer();
  refuse(null);
  busy(true);
  say('Asking ...');
  setTimeout(() => running === own && page.answer.hidden && say('The model still works ...'), SLOW);
  own.signal.addEventListener('abort', () => end(own));
  return own;
}

function end(own) {
  if (running !== own) return;
  running = null;
  busy(false);
  if (own.signal.aborted) say('Cancelled.');
}

async function failed(error) {
  say('');
  refuse(error);
  if (error.status !== 404) return;
  card = await loadCard(); // another version has other problems
  showCard();
  mark(name);
}

function showAnswers(answers, asked) {
  const problem = card.problems[asked.name];
  const label = problem.targets === 'label';
  const show = (index) => {
    shown.mark(index);
    showBest(page.best, problem, answers[index].output, asked.text ?? null);
    showSeen(answers[index].output, asked, (tokens) => shown.perToken(index, tokens));
  };
  const shown = showAlternatives(page.alternatives, answers, label, label ? null : show);
  page.answer.hidden = false;
  showCalls(page['call-body'], card, asked.name, asked);
  page.call.hidden = false;
  show(0);
}

async function showSeen(output, asked, tell) {
  looking.abort();
  if (!card.explained?.includes(asked.name)) return;
  page.explanation.hidden = false;
  if (!output) {
    page.seen.replaceChildren(h('p', { class: 'hint' }, 'The answer is empty: there is nothing to explain.'));
    return;
  }
  looking = new AbortController();
  const { signal } = looking;
  page.seen.setAttribute('aria-busy', 'true');
  try {
    const seen = await explain(card, asked.name, asked.row, output, signal);
    tell((seen.target_pieces ?? []).length);
    showExplanation(page.seen, seen, asked);
  } catch (error) {
    if (signal.aborted) return;
    page.seen.replaceChildren(h('p', { class: 'error' }, sentence(error)));
  }
  page.seen.removeAttribute('aria-busy');
}

/** Another picture or sound: what is shown belongs to the one before. */
function changed() {
  running?.abort();
  clearAnswer();
  refuse(null);
  say('');
}

function clearAnswer() {
  looking.abort();
  for (const part of [page.answer, page.explanation, page.call]) part.hidden = true;
  for (const part of [page.best, page.alternatives, page.seen, page['call-body']]) part.replaceChildren();
}

function busy(yes) {
  page.send.disabled = yes;
  page.cancel.hidden = !yes;
  page.ask.classList.toggle('busy', yes);
}

function say(words) {
  page.status.textContent = words;
}

function refuse(error) {
  page.error.hidden = !error;
  page.error.textContent = error ? sentence(error) : '';
}

/** What is no Refusal is a fault of this page: it goes to the console as well. */
function sentence(error) {
  if (error instanceof Refusal) return error.message;
  console.error(error);
  return `The page failed: ${error.message}`;
}

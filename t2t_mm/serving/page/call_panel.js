// How to ask the same from a program.

import { h } from './dom.js';

/**
 * @param place an element to fill.
 * @param card the model's.
 * @param problem its name.
 * @param asked {text} or {file}: the input of the last answer.
 */
export function showCalls(place, card, problem, asked) {
  const base = new URL('.', location.href).href;
  place.replaceChildren(
    ...block('curl', curl(`${base}v1/models/${card.name}:predict`, problem, asked)),
    ...block('Python', python(base.replace(/\/$/, ''), problem, asked)),
    asked.file ? saving(asked.file) : '');
}

/** For a shell. Large files come by standard input: a command line has a limit. */
export function curl(url, problem, { text, file }) {
  if (!file) {
    const body = JSON.stringify({ signature_name: problem, instances: [text] });
    return `curl -d ${quoted(body)} \\\n    ${url}`;
  }
  const [before, after] = JSON.stringify({ signature_name: problem, instances: [{ b64: '|' }] }).split('|');
  return `(printf %s ${quoted(before)}; base64 < ${quoted(file.name)} | tr -d '\\n'; printf %s ${quoted(after)}) |\n`
    + `    curl -d @- ${url}`;
}

/** With t2t_mm's client. */
export function python(url, problem, { text, file }) {
  const input = file ? `Path(${JSON.stringify(file.name)})` : JSON.stringify(text);
  return [
    ...(file ? ['from pathlib import Path'] : []),
    'from t2t_mm.serving.http.client import Client',
    '',
    `client = Client(${JSON.stringify(url)})`,
    `answer = client.predict(${JSON.stringify(problem)}, ${input})`,
    'print(answer.output, answer.scores[0])',
    `client.explain(${JSON.stringify(problem)}, ${input}, answer.output)`,
  ].join('\n');
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function block(title, code) {
  const box = h('pre', { tabindex: 0, 'aria-label': title }, h('code', {}, code));
  const copy = h('button', { type: 'button', class: 'small', click: async () => {
    await navigator.clipboard.writeText(code);
    copy.textContent = 'Copied';
  } }, 'Copy');
  const head = h('div', { class: 'code-head' }, h('h3', {}, title), navigator.clipboard ? copy : null);
  return [head, box];
}

function saving(file) {
  return h('p', {}, h('a', { href: URL.createObjectURL(file), download: file.name }, `Save ${file.name}`));
}

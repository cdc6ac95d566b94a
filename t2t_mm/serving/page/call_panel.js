// How to ask the same from a program.

import { h } from './dom.js';

/**
 * @param place an element to fill.
 * @param card the model's.
 * @param problem its name.
 * @param asked {text}, {file}, or {parts}: such ones by the names of several inputs.
 */
export function showCalls(place, card, problem, asked) {
  const base = new URL('.', location.href).href;
  const files = Object.values(asked.parts ?? { asked }).map(({ file }) => file).filter(Boolean);
  place.replaceChildren(
    ...block('curl', curl(`${base}v1/models/${card.name}:predict`, problem, asked)),
    ...block('Python', python(base.replace(/\/$/, ''), problem, asked)),
    ...files.map(saving));
}

/** For a shell. Large files come by standard input: a command line has a limit. */
export function curl(url, problem, asked) {
  const files = [];
  const row = asked.parts ? mapped(asked.parts, (part) => marked(part, files)) : marked(asked, files);
  const body = JSON.stringify({ signature_name: problem, instances: [row] });
  if (!files.length) return `curl -d ${quoted(body)} \\\n    ${url}`;
  const [first, ...rest] = body.split(MARK).map((text) => `printf %s ${quoted(text)}`);
  const pieces = rest.flatMap((text, i) => [`base64 < ${quoted(files[i].name)} | tr -d '\\n'`, text]);
  return `(${[first, ...pieces].join('; ')}) |\n    curl -d @- ${url}`;
}

const MARK = '|file|';

/** A row of the request, MARK standing for a file's content. */
function marked({ text, file }, files) {
  if (!file) return text;
  files.push(file);
  return { b64: MARK };
}

/** With t2t_mm's client. */
export function python(url, problem, asked) {
  const several = asked.parts
    && `{${Object.entries(asked.parts).map(([name, part]) => `${JSON.stringify(name)}: ${literal(part)}`).join(', ')}}`;
  const input = several || literal(asked);
  return [
    ...(input.includes('Path(') ? ['from pathlib import Path'] : []),
    'from t2t_mm.serving.http.client import Client',
    '',
    `client = Client(${JSON.stringify(url)})`,
    `answer = client.predict(${JSON.stringify(problem)}, ${input})`,
    'print(answer.output, answer.scores[0])',
    ...(several ? [] : [`client.explain(${JSON.stringify(problem)}, ${input}, answer.output)`]),
  ].join('\n');
}

function literal({ text, file }) {
  return file ? `Path(${JSON.stringify(file.name)})` : JSON.stringify(text);
}

function mapped(parts, change) {
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, change(part)]));
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

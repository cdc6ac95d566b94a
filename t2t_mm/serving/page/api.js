// The server's REST API. Paths are relative, so the page also works behind a proxy's prefix.

/** Something to tell the user, in a sentence; `status` is the server's, 0 if it is not from there. */
export class Refusal extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }
}

/** The export's t2t_mm.json with the model's name, version and the server's limits. */
export async function loadCard() {
  const { models } = await ask('v1/models');
  return ask(`v1/models/${encodeURIComponent(models[0])}/problems`);
}

/**
 * The model's answers, the best first.
 * @param row what REST takes: text, or {b64}.
 * @returns [{output, score, probability}]; score and probability may be null.
 */
export async function predict(card, problem, row, signal) {
  const { predictions } = await post(card, { signature_name: problem, instances: [row] }, signal);
  const { outputs, scores } = predictions[0];
  return outputs
    .map((output, i) => ({ output, score: scores[i], probability: probability(scores[i]) }))
    .filter((one, i) => i === 0 || one.score === null || one.score > NO_HYPOTHESIS);
}

/** What explain_PROBLEM returns for one input and output, without the axis of rows. */
export async function explain(card, problem, row, output, signal) {
  const inputs = { inputs: [row], outputs: [output] };
  const answer = await post(card, { signature_name: `explain_${problem}`, inputs }, signal);
  const { grid, ...rows } = answer.outputs;
  const first = Object.fromEntries(Object.entries(rows).map(([name, value]) => [name, value[0]]));
  return { grid: grid ?? [0, 0], ...first };
}

const NO_HYPOTHESIS = -1e8; // an empty place of a beam has -1e9

function probability(score) {
  return score === null ? null : Math.min(1, Math.exp(score));
}

function post(card, body, signal) {
  return ask(`v1/models/${encodeURIComponent(card.name)}:predict`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
}

async function ask(path, options = {}) {
  const response = await reached(path, options);
  let body;
  try {
    body = await response.json();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refusal(`The server answered with status ${response.status} and no JSON.`, response.status);
  }
  if (response.ok) return body;
  throw new Refusal(capital(body.error ?? `the server answered with status ${response.status}.`), response.status);
}

async function reached(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refusal('The server cannot be reached; look whether it still runs.');
  }
}

function capital(sentence) {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

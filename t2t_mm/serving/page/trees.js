// Parse trees in both notations, as {label, children}; a word is a string.
//
// "(S (NP (DT the) ...) ...)" has the words; "S NP DT ... /NP ... /S" has a tag in place of each,
// and the words come from the input (t2t_mm/tree_tags.py).

/**
 * @param text either notation.
 * @param words of the input, for the second.
 * @throws Error with a sentence for what is not a whole tree.
 */
export function readTree(text, words) {
  return text.trimStart().startsWith('(') ? fromBrackets(text) : fromTags(text, words);
}

export function fromBrackets(text) {
  const top = { children: [] };
  const open = [top];
  let opened = false;
  for (const token of text.match(/[()]|[^()\s]+/g) ?? []) {
    const inner = open.at(-1);
    if (token === '(') open.push({ label: '', children: [] });
    else if (inner === top) throw new Error(`"${token}" stands outside of all brackets.`);
    else if (token === ')') close(open);
    else if (opened) inner.label = token;
    else inner.children.push(token);
    opened = token === '(';
  }
  if (open.length > 1) throw new Error('a bracket is never closed.');
  return only(top.children);
}

function close(open) {
  const node = open.pop();
  if (!node.children.length) throw new Error(`the bracket "(${node.label})" is empty.`);
  open.at(-1).children.push(node);
}

export function fromTags(line, words) {
  const remaining = [...words];
  const levels = [[]];
  const labels = [];
  // From the right, a closing symbol tells which of the symbols before it opens the constituent.
  for (const symbol of line.split(/\s+/).filter(Boolean).reverse()) {
    if (symbol.startsWith('/')) {
      labels.push(symbol.slice(1));
      levels.push([]);
    } else if (labels.length && symbol === labels.at(-1)) {
      const children = levels.pop().reverse();
      if (!children.length) throw new Error(`the constituent "${symbol}" is empty.`);
      levels.at(-1).push({ label: labels.pop(), children });
    } else {
      if (!remaining.length) throw new Error('it has more tags than the sentence has words.');
      levels.at(-1).push({ label: symbol, children: [remaining.pop()] });
    }
  }
  if (labels.length) throw new Error(`"/${labels.at(-1)}" closes what was never opened.`);
  if (remaining.length) throw new Error(`it has ${remaining.length} tags fewer than the sentence has words.`);
  return only(levels[0]);
}

function only(found) {
  if (found.length !== 1) throw new Error(`it has ${found.length} outermost constituents instead of one.`);
  return found[0];
}

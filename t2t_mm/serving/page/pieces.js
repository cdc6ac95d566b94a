// Subword pieces as people read them. "▁" begins a word; "<0xE2>" is a byte; "</s>" is the end.

const BEGIN = '▁';
const BYTE = /^<0x([0-9A-F]{2})>$/;
const END = '</s>';

/**
 * Tokens to be shown.
 * @param pieces of one text; "" is padding.
 * @param whole join the pieces of a word.
 * @returns [{text, from, to}]: the pieces from .. to - 1.
 */
export function tokensOf(pieces, whole) {
  const tokens = [];
  pieces.forEach((piece, i) => {
    if (piece === '') return;
    const last = tokens.at(-1);
    const begins = !last || !whole || piece.startsWith(BEGIN) || piece === END;
    if (begins) tokens.push({ from: i, to: i + 1 });
    else last.to = i + 1;
  });
  return tokens.map((token) => ({ ...token, text: textOf(pieces.slice(token.from, token.to), whole) }));
}

function textOf(pieces, whole) {
  if (pieces[0] === END) return 'end';
  if (!whole) return pieces[0];
  return joined(pieces).replaceAll(BEGIN, ' ').trim() || '␣';
}

/** Bytes that follow each other are one or more letters in UTF-8. */
function joined(pieces) {
  let text = '';
  let bytes = [];
  const flush = () => {
    text += new TextDecoder().decode(new Uint8Array(bytes));
    bytes = [];
  };
  for (const piece of pieces) {
    const byte = BYTE.exec(piece);
    if (byte) bytes.push(parseInt(byte[1], 16));
    else {
      flush();
      text += piece;
    }
  }
  flush();
  return text;
}

/** Whether words would hide more than they show: text without spaces. */
export function wordsAreLong(pieces) {
  return tokensOf(pieces, true).some(({ from, to }) => to - from > 16);
}

/**
 * Attention between tokens: means over a target token's pieces, sums over a source token's.
 * @param attention [T][L] of pieces.
 * @returns [target tokens][source tokens].
 */
export function between(attention, targets, sources) {
  return targets.map((target) => {
    const weights = meanRow(attention, target);
    return sources.map(({ from, to }) => weights.slice(from, to).reduce((a, b) => a + b, 0));
  });
}

/** The mean of a token's rows: how much it looked at each of the L source positions. */
export function meanRow(attention, { from, to }) {
  const rows = attention.slice(from, to);
  return rows[0].map((_, l) => rows.reduce((sum, row) => sum + row[l], 0) / rows.length);
}

// A parse tree as a picture: labels above, words below, straight lines between.

import { s } from './dom.js';

const LEVEL = 46; // pixels between two levels
const GAP = 14; // pixels between two words
const MARGIN = 10;
const FONT = '14px system-ui, sans-serif';

/** An SVG of the tree. */
export function drawTree(tree, description) {
  const placed = place(tree, MARGIN, 0, measurer());
  const [width, height] = [placed.right + MARGIN, depth(placed) * LEVEL + 24];
  const drawing = s('svg', {
    class: 'tree', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': description,
  });
  draw(placed, drawing);
  return drawing;
}

function measurer() {
  const pen = document.createElement('canvas').getContext('2d');
  pen.font = FONT;
  return (text) => pen.measureText(text).width;
}

/** Adds x, y and right to each node; a parent stands over the middle of its children. */
function place(node, left, level, measure) {
  const text = typeof node === 'string' ? node : node.label || '·';
  const own = measure(text) + GAP;
  const children = [];
  let right = left;
  for (const child of node.children ?? []) {
    children.push(place(child, right, level + 1, measure));
    right = children.at(-1).right;
  }
  const spare = Math.max(0, own - (right - left));
  for (const child of children) shift(child, spare / 2);
  right += spare;
  const x = children.length ? (children[0].x + children.at(-1).x) / 2 : (left + right) / 2;
  return { text, children, right, x, y: level * LEVEL + 16 };
}

function shift(node, by) {
  node.x += by;
  node.right += by;
  for (const child of node.children) shift(child, by);
}

function depth(node) {
  return 1 + Math.max(-1, ...node.children.map((child) => depth(child)));
}

function draw(node, drawing) {
  for (const child of node.children) {
    drawing.append(s('line', { x1: node.x, y1: node.y + 6, x2: child.x, y2: child.y - 14 }));
    draw(child, drawing);
  }
  const kind = node.children.length ? 'label' : 'word';
  drawing.append(s('text', { x: node.x, y: node.y, class: kind }, node.text));
}

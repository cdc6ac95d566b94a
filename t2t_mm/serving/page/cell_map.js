// A canvas that is divided into the cells of a grid, and says which one is under the pointer.

import { h } from './dom.js';

const FRAMED = 12; // pixels; smaller cells have no frame

/**
 * @param rows, columns of the grid.
 * @param width, height of the canvas in pixels.
 * @param label for screen readers.
 * @param index (row, column) -> the number that `point` is given.
 * @param point is called with the number of the cell under the pointer, or null.
 */
export function cellMap({ rows, columns, width, height, label, index, point }) {
  const canvas = h('canvas', {
    class: 'cells', width, height, role: 'img', 'aria-label': label,
    pointermove: (event) => point(at(event)), pointerleave: () => point(null),
  });

  function at(event) {
    const box = canvas.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
    const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    const inside = row >= 0 && row < rows && column >= 0 && column < columns;
    return inside ? index(row, column) : null;
  }

  function* cells() {
    const [w, high] = [width / columns, height / rows];
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        yield [index(row, column), { x: column * w, y: row * high, width: w, height: high }];
      }
    }
  }

  return { canvas, cells, pen: canvas.getContext('2d') };
}

/** Draws `bright` where weights are high, and `dim` elsewhere; weights are relative to the highest. */
export function spotlight({ canvas, cells, pen }, bright, dim, weights) {
  const { width, height } = canvas;
  pen.clearRect(0, 0, width, height);
  pen.drawImage(weights ? dim : bright, 0, 0, width, height);
  if (!weights) return;
  const most = Math.max(...weights, 1e-9);
  for (const [l, { x, y, width: w, height: high }] of cells()) {
    const light = weights[l] / most;
    if (light < 0.02) continue;
    const [sx, sy] = [bright.width / width, bright.height / height];
    pen.globalAlpha = light;
    pen.drawImage(bright, x * sx, y * sy, w * sx, high * sy, x, y, w, high);
    pen.globalAlpha = 1;
    if (Math.min(w, high) < FRAMED) continue;
    pen.strokeStyle = `rgb(255 255 255 / ${0.75 * light})`;
    pen.strokeRect(x + 0.5, y + 0.5, w - 1, high - 1);
  }
}

/** A copy of a drawing that fills a canvas of this size. */
export function copied(drawing, width, height, smooth = true) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  pen.imageSmoothingEnabled = smooth;
  if (drawing) pen.drawImage(drawing, 0, 0, width, height);
  return canvas;
}

/** The same in dark grey. */
export function dimmed(drawing) {
  const { width, height } = drawing;
  const dim = copied(drawing, width, height);
  const pen = dim.getContext('2d');
  const pixels = pen.getImageData(0, 0, width, height);
  for (let i = 0; i < pixels.data.length; i += 4) {
    const [r, g, b] = pixels.data.subarray(i, i + 3);
    const grey = 0.38 * (0.3 * r + 0.59 * g + 0.11 * b);
    pixels.data.set([grey, grey, grey], i);
  }
  pen.putImageData(pixels, 0, 0);
  return dim;
}

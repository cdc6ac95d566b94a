// The input of picture problems: a file with a preview.

import { h } from './dom.js';
import { fileInput, fileOf } from './file_input.js';

const SIGNS = [['\x89PNG', 'png'], ['\xff\xd8', 'jpeg'], ['GIF8', 'gif'], ['BM', 'bmp'], ['RIFF', 'webp']];

/**
 * @param limits the server's.
 * @param refuse is called with an error.
 * @param changed is called when there is another input.
 */
export function pictureInput({ limits, refuse, changed }) {
  let image = null;
  const preview = h('div', { class: 'preview' });
  const files = fileInput({
    kind: 'image', noun: 'picture', formats: 'a PNG, JPEG, GIF, BMP, WebP or TIFF file', limits, opened, refuse,
  });
  const urls = new Set();

  async function opened(file) {
    changed();
    image = await loaded(url(file));
    const caption = image
      ? `${file.name}, ${image.naturalWidth} x ${image.naturalHeight} pixels`
      : `${file.name}: this browser cannot show it; the server may still read it`;
    preview.replaceChildren(h('figure', {}, image ? shown(image) : null, h('figcaption', {}, caption)));
  }

  function url(blob) {
    const made = URL.createObjectURL(blob);
    urls.add(made);
    return made;
  }

  return {
    element: h('div', {}, files.zone, preview),
    take: async () => ({ ...(await files.take()), image }),
    example: (row, index) => {
      const file = fileOf(row, `example_${index + 1}.${suffix(row)}`, `image/${suffix(row)}`);
      return {
        label: h('img', { src: url(file), alt: `Example ${index + 1}`, class: 'pixels' }),
        use: () => files.open(file),
      };
    },
    open: files.open,
    close: () => {
      files.close();
      for (const made of urls) URL.revokeObjectURL(made);
    },
  };
}

function shown(image) {
  image.alt = 'The picture to be sent';
  image.classList.toggle('pixels', Math.max(image.naturalWidth, image.naturalHeight) < 128);
  return image;
}

async function loaded(source) {
  const image = h('img', { src: source });
  try {
    await image.decode();
    return image;
  } catch {
    return null;
  }
}

function suffix({ b64 }) {
  const start = atob(b64.slice(0, 8));
  return SIGNS.find(([sign]) => start.startsWith(sign))?.[1] ?? 'png';
}

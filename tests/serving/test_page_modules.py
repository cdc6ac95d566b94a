"""The page's modules, in a browser, against what Python does: trees, pieces, sounds, requests."""

from __future__ import annotations

import base64
import http.server
import io
import itertools
import json
import subprocess
import threading
import wave
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from t2t_mm.kinds import tree_tags, trees
from t2t_mm.kinds.trees import ParseTree
from t2t_mm.serving.http import page_files
from tests.serving.page_browser import Page, why_no_browser

REASON = why_no_browser()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON or "")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Page:
    """The page's files alone, without a model behind them."""
    folder = Path(page_files.__file__).parents[1] / "page"
    files = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=files.serve_forever, daemon=True).start()
    made = Page(f"http://127.0.0.1:{files.server_port}", tmp_path_factory.mktemp("profile"))
    made.driver.get(f"{made.url}/icon.svg")  # any file of that origin, so that nothing is asked for
    made.driver.get(f"{made.url}/page.css")
    yield made
    made.quit()
    files.shutdown()


def random_tree(rng: np.random.Generator, depth: int) -> ParseTree:
    """Labels repeat, so that a constituent often stands in one of its own name."""
    children = []
    for _ in range(rng.integers(1, 4)):
        if depth > 1 and rng.random() < 0.6:
            children.append(random_tree(rng, depth - 1))
        else:
            children.append(ParseTree(str(rng.choice(["dt", "nn", ","])), (f"w{rng.integers(9)}",)))
    return ParseTree(str(rng.choice(["NP", "VP", "S"])), tuple(children))


def as_json(tree: ParseTree | str):
    if isinstance(tree, str):
        return tree
    return {"label": tree.label, "children": [as_json(child) for child in tree.children]}


def test_both_notations_of_a_tree_are_read_as_python_reads_them(page):
    rng = np.random.default_rng(5)
    made = [random_tree(rng, depth) for depth in (1, 2, 3, 4, 5, 5, 5)]
    rows = [[trees.linearize(t), tree_tags.write(t), " ".join(trees.words(t))] for t in made]
    script = """
        const { readTree } = await use('trees.js');
        return values[0].map(([brackets, tags, words]) =>
          [readTree(brackets, []), readTree(tags, words.split(' '))]);
    """
    for tree, (of_brackets, of_tags) in zip(made, page.module(script, rows), strict=True):
        assert of_brackets == as_json(tree)
        assert of_tags == as_json(tree)


@pytest.mark.parametrize(
    ("text", "words", "sentence"),
    [
        ("(S (NP a)", "", "a bracket is never closed."),
        ("(S a) b", "", '"b" stands outside of all brackets.'),
        ("(S (NP ) a)", "", 'the bracket "(NP)" is empty.'),
        ("(S a) (S b)", "", "it has 2 outermost constituents instead of one."),
        ("S NN", "a b", "it has 2 outermost constituents instead of one."),
        ("NN /S", "a", '"/S" closes what was never opened.'),
        ("S NN NN /S", "a", "it has more tags than the sentence has words."),
        ("S NN /S", "a b", "it has 1 tags fewer than the sentence has words."),
        ("S /S", "", 'the constituent "S" is empty.'),
    ],
)
def test_what_is_no_whole_tree_is_told(page, text, words, sentence):
    script = """
        const { readTree } = await use('trees.js');
        try { return readTree(values[0], values[1].split(' ').filter(Boolean)); }
        catch (error) { return error.message; }
    """
    assert page.module(script, text, words) == sentence


def test_pieces_join_to_words_and_attention_with_them(page):
    pieces = ["▁the", "▁gr", "<0xC3>", "<0xB6>", "ne", "▁", "x", "</s>", "", ""]
    script = """
        const { tokensOf, between } = await use('pieces.js');
        const [pieces, attention] = values;
        const words = tokensOf(pieces, true);
        return [words, tokensOf(pieces, false), between(attention, words, words)];
    """
    attention = np.random.default_rng(2).dirichlet(np.ones(10), 10)
    words, single, joined = page.module(script, pieces, attention.tolist())
    assert [one["text"] for one in words] == ["the", "gröne", "x", "end"]
    spans = [(one["from"], one["to"]) for one in words]
    assert spans == [(0, 1), (1, 5), (5, 7), (7, 8)]
    assert [one["text"] for one in single] == [*pieces[:7], "end"]
    expected = [[attention[a:b, c:d].sum(1).mean() for c, d in spans] for a, b in spans]
    np.testing.assert_allclose(joined, expected, rtol=1e-12)


def test_a_recording_is_a_wav_file_of_the_same_samples(page):
    script = """
        const { wavFile } = await use('wav.js');
        const blob = wavFile([Float32Array.of(0, 0.5, -0.5), Float32Array.of(2, -2, 1e-4)], 44100);
        return Array.from(new Uint8Array(await blob.arrayBuffer()));
    """
    with wave.open(io.BytesIO(bytes(page.module(script)))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (44100, 1, 2)
        samples = np.frombuffer(file.readframes(99), "<i2")
    np.testing.assert_array_equal(samples, [0, 16384, -16384, 32767, -32768, 3])


def test_the_spectrum_is_numpys(page):
    samples = np.random.default_rng(3).normal(size=100)
    script = "const { powerSpectrum } = await use('fourier.js');" \
        "return Array.from(powerSpectrum(values[0], 128));"  # fmt: skip
    expected = np.abs(np.fft.rfft(samples, 128)) ** 2
    np.testing.assert_allclose(page.module(script, samples.tolist()), expected, rtol=1e-9)


def test_a_tone_is_a_line_of_the_spectrogram(page):
    script = """
        const { spectrogram } = await use('sound.js');
        const samples = Float32Array.from({length: 8000}, (_, i) => Math.sin(2 * Math.PI * values[0] * i / 8000));
        const canvas = spectrogram({samples, rate: 8000});
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const light = Array.from({length: canvas.height}, (_, y) => data[4 * (y * canvas.width + 50)]);
        return [canvas.width, canvas.height, light.indexOf(Math.max(...light))];
    """  # noqa: E501
    mel = lambda hertz: 1127 * np.log(1 + hertz / 700)  # noqa: E731
    for hertz in (300, 1000, 3000):
        width, height, brightest = page.module(script, hertz)
        assert width == 98  # 25 ms every 10 ms
        band = (mel(hertz) - mel(20)) / (mel(4000) - mel(20)) * (height + 1) - 1
        assert abs((height - 1 - brightest) - band) < 1.5


def test_experts_are_told_by_their_gates(page):
    script = """
        const { used, inWords } = await use('experts.js');
        return [used([4, 0, 2], [0.25, 0, 0.75]), inWords(used([4, 2], [0.25, 0.75])), used()];
    """
    list_, words, none = page.module(script)
    assert list_ == [{"expert": 2, "gate": 0.75}, {"expert": 4, "gate": 0.25}]
    assert words == "expert 2 (75 %), expert 4 (25 %)"
    assert none == []


def said_to_curl(command: str, folder: Path) -> list[str]:
    """The arguments that a shell gives to curl, and what it sends to its standard input."""
    script = f'curl() {{ printf "%s\\n" "$@"; cat; }}\n{command}'
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split("\n")


def test_the_shells_request(page, tmp_path):
    script = """
        const { curl } = await use('call_panel.js');
        const file = new File(['x'], "it's.png");
        return [curl('http://h/p', 'n', {text: "it's"}), curl('http://h/p', 'n', {file})];
    """
    of_text, of_file = page.module(script)
    body = {"signature_name": "n", "instances": ["it's"]}
    flag, sent, url, _ = said_to_curl(of_text, tmp_path)
    assert (flag, json.loads(sent), url) == ("-d", body, "http://h/p")
    content = bytes(range(256))
    (tmp_path / "it's.png").write_bytes(content)
    *arguments, sent = said_to_curl(of_file, tmp_path)
    assert arguments == ["-d", "@-", "http://h/p"]
    body["instances"] = [{"b64": base64.b64encode(content).decode()}]
    assert json.loads(sent) == body


def test_pythons_request(page):
    script = """
        const { python } = await use('call_panel.js');
        const file = new File(['x'], "it's.png");
        return [python('http://h', 'n', {text: 'a "b"'}), python('http://h', 'n', {file})];
    """
    of_text, of_file = page.module(script)
    for code in (of_text, of_file):
        compile(code, "page", "exec")
    assert 'client.predict("n", "a \\"b\\"")' in of_text
    assert """client.predict("n", Path("it's.png"))""" in of_file


def test_an_example_is_a_file_of_its_bytes(page):
    content = bytes(range(256))
    script = """
        const { fileOf } = await use('file_input.js');
        const file = fileOf({b64: values[0]}, 'a.png', 'image/png');
        return [file.name, file.type, Array.from(new Uint8Array(await file.arrayBuffer()))];
    """
    name, kind, found = page.module(script, base64.b64encode(content).decode())
    assert (name, kind, bytes(found)) == ("a.png", "image/png", content)


def test_a_drawn_tree_has_its_words_in_order_and_apart(page):
    tree = random_tree(np.random.default_rng(8), 5)
    script = """
        const { drawTree } = await use('tree_drawing.js');
        const { readTree } = await use('trees.js');
        const drawing = drawTree(readTree(values[0], []), 'a tree');
        document.documentElement.append(drawing);
        const texts = [...drawing.querySelectorAll('text')].map((one) => {
          const box = one.getBBox();
          return [one.textContent, one.getAttribute('class'), box.x, box.x + box.width, box.y];
        });
        const size = ['width', 'height'].map((name) => Number(drawing.getAttribute(name)));
        drawing.remove();
        return [texts, size];
    """
    texts, (width, height) = page.module(script, trees.linearize(tree))
    words = sorted((one for one in texts if one[1] == "word"), key=lambda one: one[2])
    assert [one[0] for one in words] == trees.words(tree)
    for row in {one[4] for one in texts}:
        spans = sorted((one[2], one[3]) for one in texts if one[4] == row)
        assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))
    assert min(one[2] for one in texts) >= 0 and max(one[3] for one in texts) <= width
    assert min(one[4] for one in texts) >= 0 and max(one[4] for one in texts) < height


def test_a_long_answer_tells_the_mean_of_its_tokens(page):
    script = """
        const { perToken } = await use('answers.js');
        return values[0].map(([score, tokens]) => perToken(score, tokens));
    """
    long, single, none = page.module(script, [[-4.7, 12], [-0.1, 1], [None, 5]])
    assert long == (
        "The percentages are of whole answers; of this one each token has 68 % on average "
        "(12 tokens)."
    )
    assert single == none == ""

"""The page in a real browser, on a real server with a small random model: does it show what the
server says, and is every way of asking and every refusal there."""

from __future__ import annotations

import base64
import io
import json
import math
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.serving.page_browser import Page, server, why_no_browser

sys.path.insert(0, str(Path(__file__).parents[1] / "decoding"))  # where the toy run is made
from t2t_mm.serving.http.client import Client
from tests.decoding.decoding_run import NAMES, png, toy_run, wav

REASON = why_no_browser()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON or "")

TEXT, TREE, CLASS = "decoding_toy_text", "decoding_toy_tree", "decoding_toy_class"
CAPTION, SPEECH = "decoding_toy_caption", "decoding_toy_speech"
PHONE = 390  # pixels
# What a user does with a file, without a file chooser.
GIVE = """
    const [content, name, type, how] = arguments;
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, { type }));
    const event = how === 'paste'
      ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true })
      : new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
    document.querySelector('.drop').dispatchEvent(event);
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    from t2t_mm.serving.export.api import export

    run, folder = toy_run(), tmp_path_factory.mktemp("page")
    quiet = {"data_dir": run.data_dir, "log": lambda line: None}
    export(run.output_dir, folder / "export", [*NAMES], **quiet)
    with server(folder / "export", folder / "log.txt") as found:
        yield found


@pytest.fixture(scope="module")
def browser(url, tmp_path_factory) -> Iterator[Page]:
    page = Page(url, tmp_path_factory.mktemp("profile"))
    yield page
    page.quit()


@pytest.fixture
def page(browser) -> Iterator[Page]:
    """The browser; afterwards nothing may have been complained of or come from elsewhere."""
    browser.open(TEXT)
    browser.complaints()
    yield browser
    refused = "the server responded with a status of 4"  # which the browser itself logs
    assert [line for line in browser.complaints() if refused not in line] == []
    requested = browser.requested()
    assert f"{browser.url}/main.js" in requested
    assert [one for one in requested if not one.startswith(browser.url)] == []


@pytest.fixture
def client(url) -> Client:
    return Client(url)


def give(page: Page, content: bytes, name: str, kind: str, how: str = "drop") -> None:
    page.run(GIVE, base64.b64encode(content).decode(), name, kind, how)


def previewed(page: Page, name: str) -> None:
    page.until(f"return document.querySelector('figcaption')?.textContent.includes('{name}')", name)


def shares(page: Page) -> list[float]:
    """The bars' lengths."""
    script = (
        "return [...document.querySelectorAll('.bar')]"
        ".map((bar) => parseFloat(bar.style.getPropertyValue('--share')))"
    )
    return page.run(script)


def check_answers(page: Page, outputs: list[str], answer) -> None:
    assert outputs == [output or "(nothing)" for output in answer.outputs]
    expected = [100 * math.exp(score) for score in answer.scores]
    np.testing.assert_allclose(shares(page), expected, rtol=1e-3)


def explain_one(page: Page, answer) -> str:
    """Chooses an alternative that says something, waits for its explanation, and gives it."""
    index = next(i for i, output in enumerate(answer.outputs) if "\ufffd" not in output and output)
    page.click(f".alternative:nth-child({index + 1}) button")
    page.answered()
    page.until("return document.querySelector('#seen .tokens')", "it is explained")
    return answer.outputs[index]


def strips(page: Page, row: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0] + ' .experts')].map((o) => o.title)"
    return page.run(script, row)


def told(experts: list, gates: list) -> list[list[int]]:
    """The experts that each position used, as tooltips name them."""
    rows = [zip(*pair, strict=True) for pair in zip(gates, experts, strict=True)]
    by_gate = [sorted(row, key=lambda one: -one[0]) for row in rows]
    return [[expert for gate, expert in row if gate > 0] for row in by_gate]


def numbers(titles: list[str]) -> list[list[int]]:
    return [[int(part.split()[1]) for part in title.split(", ")] for title in titles]


def test_problems_are_listed_by_what_goes_in(page):
    assert page.texts("legend") == ["Text", "Picture", "Sound"]
    assert page.texts(".problem .name") == [TEXT, TREE, CAPTION, CLASS, SPEECH]
    assert page.texts(".problem .kind")[-3:] == ["to text", "to one of 3 labels", "to text"]
    page.run("document.querySelector('input[value=decoding_toy_class]').click()")
    assert page.text("#problem-name") == CLASS
    assert page.driver.current_url.endswith(f"#{CLASS}")


def test_a_sentence_is_answered_and_explained(page, client):
    sentence = "red dog sees cat"
    page.type(sentence)
    outputs = page.answer()
    answer = client.predict(TEXT, sentence)
    check_answers(page, outputs, answer)
    output = explain_one(page, answer)
    assert page.text("#best") == output
    seen = client.explain(TEXT, sentence, output)
    if page.driver.find_elements("css selector", "#pieces:not(:checked)"):
        page.click("#pieces")
    cells = page.run(
        "return [...document.querySelectorAll('.matrix tbody tr')].map((row) =>"
        " [...row.querySelectorAll('td')].map((cell) => Number(cell.dataset.weight)))"
    )
    np.testing.assert_allclose(cells, seen["attention"][0], atol=6e-5)
    row = [title for title in strips(page, "[role=group].tokens") if title]
    assert numbers(row) == told(seen["experts"][0], seen["gates"][0])
    source = numbers(strips(page, ".source"))
    assert source == told(seen["source_experts"][0], seen["source_gates"][0])


def test_arrow_keys_choose_a_word(page, client):
    page.type("small blue dog")
    page.answer()
    explain_one(page, client.predict(TEXT, "small blue dog"))
    script = (
        "return document.querySelector('[role=group].tokens [aria-pressed=true]').dataset.token"
    )
    page.run("document.querySelector('[data-token=\"0\"]').focus()")
    before = page.text(".readout")
    page.driver.switch_to.active_element.send_keys("\ue014")  # arrow right
    assert page.run(script) == "1"
    assert page.text(".readout") != before
    assert "chosen" in page.run("return document.querySelectorAll('.matrix tbody tr')[1].className")
    page.driver.switch_to.active_element.send_keys("\ue012")  # and left
    assert page.run(script) == "0"
    assert page.text(".readout") == before


def test_what_is_no_tree_is_told(page):
    page.open(TREE)
    page.type("red dog")
    page.click("#send")
    page.answered()
    assert page.text("#best")


@pytest.mark.parametrize("how", ["choose", "drop", "paste", "example"])
def test_a_picture_is_captioned_however_it_comes(page, client, how, tmp_path):
    page.open(CAPTION)
    content = png(3)
    if how == "choose":
        (tmp_path / "a.png").write_bytes(content)
        page.give(tmp_path / "a.png")
    elif how == "example":
        content = base64.b64decode(client.problems()[CAPTION]["examples"][0]["b64"])
        page.click(".example")
    else:
        give(page, content, "a.png", "image/png", how)
    previewed(page, "16 x 16 pixels")
    answer = client.predict(CAPTION, content)
    check_answers(page, page.answer(), answer)
    seen = client.explain(CAPTION, content, explain_one(page, answer))
    assert seen["grid"] == [4, 4]
    page.click("#pieces")
    strongest = int(np.argmax(seen["attention"][0][0]))
    place = f"looked most at row {strongest // 4 + 1}, column {strongest % 4 + 1} ("
    assert place in page.text(".readout")


def test_a_picture_shines_where_it_was_looked_at(page, client):
    """The cell with the highest weight is drawn as it is; a weak one is grey and dark."""
    script = """
        const { cellMap, copied, dimmed, spotlight } = await use('cell_map.js');
        const red = document.createElement('canvas');
        Object.assign(red, { width: 40, height: 40 });
        red.getContext('2d').fillStyle = 'rgb(200 40 40)';
        red.getContext('2d').fillRect(0, 0, 40, 40);
        const index = (row, column) => 2 * row + column;
        const map = cellMap({ rows: 2, columns: 2, width: 40, height: 40, label: '', index, point() {} });
        spotlight(map, red, dimmed(red), [0.1, 0, 0.8, 0.1]);
        const { data } = map.pen.getImageData(0, 0, 40, 40);
        const at = (x, y) => Array.from(data.slice(4 * (40 * y + x), 4 * (40 * y + x) + 3));
        return [at(10, 30), at(30, 10), at(10, 10)];
    """  # noqa: E501
    strong, none, weak = page.module(script)
    assert strong == [200, 40, 40]
    grey = 0.38 * (0.3 * 200 + 0.59 * 40 + 0.11 * 40)
    np.testing.assert_allclose(none, grey, atol=1)
    np.testing.assert_allclose(weak, grey + (np.array(strong) - grey) / 8, atol=2)


def test_a_picture_is_classified_with_percentages(page, client):
    page.open(CLASS)
    give(page, png(5), "b.png", "image/png")
    previewed(page, "b.png")
    answer = client.predict(CLASS, png(5))
    check_answers(page, page.answer(), answer)
    assert page.text("#best") == answer.output
    percents = [float(text.split()[0]) for text in page.texts(".share")]
    np.testing.assert_allclose(percents, [100 * math.exp(s) for s in answer.scores], atol=0.51)
    assert "A label is read off the encoder" in page.text("#seen")
    seen = client.explain(CLASS, png(5), answer.output)
    canvas = page.driver.find_element("css selector", "#seen figure:nth-of-type(2) canvas")
    page.run(
        "const box = arguments[0].getBoundingClientRect();"
        "arguments[0].dispatchEvent(new PointerEvent('pointermove',"
        "{clientX: box.left + 1, clientY: box.top + 1}))",
        canvas,
    )
    first = told(seen["source_experts"][0], seen["source_gates"][0])[0][0]
    assert page.text(".readout").startswith(f"row 1, column 1: expert {first} (")


def test_a_sound_is_transcribed(page, client):
    page.open(SPEECH)
    give(page, wav(9, rate=16000), "a.wav", "audio/wav")
    previewed(page, "a.wav, 0.65 s")
    answer = client.predict(SPEECH, wav(9, rate=16000))
    check_answers(page, page.answer(), answer)
    seen = client.explain(SPEECH, wav(9, rate=16000), explain_one(page, answer))
    times, bands = seen["grid"]
    page.click("#pieces")
    strongest = int(np.argmax(seen["attention"][0][0]))
    place = f"looked most at {(strongest // bands) * 0.65 / times:.2f} s"
    assert place in page.text(".readout")


def test_a_recording_is_sent_as_a_wav_file(page, client):
    page.open(SPEECH)
    page.click("#record")
    recorded = "/Stop \\((0\\.[5-9]|[1-9])/.test(document.querySelector('#record').textContent)"
    page.until(f"return {recorded}", "half a second is recorded")
    page.click("#record")
    previewed(page, "recording.wav")
    page.run(
        "const kept = window.fetch;"
        "window.fetch = (path, options) => {"
        " window.sent ??= options.body; return kept(path, options); }"
    )
    outputs = page.answer()
    sent = base64.b64decode(json.loads(page.run("return window.sent"))["instances"][0]["b64"])
    with wave.open(io.BytesIO(sent)) as file:
        seconds = file.getnframes() / file.getframerate()
    assert 0.5 <= seconds < 60
    check_answers(page, outputs, client.predict(SPEECH, sent))


def test_another_input_takes_the_answer_away(page):
    page.open(CLASS)
    give(page, png(5), "b.png", "image/png")
    previewed(page, "b.png")
    page.answer()
    give(page, png(6), "c.png", "image/png")
    previewed(page, "c.png")
    assert page.run("return document.getElementById('answer').hidden")


@pytest.mark.parametrize(
    ("problem", "content", "name", "kind", "sentence"),
    [
        (CLASS, b"hello", "notes.txt", "text/plain",
         "notes.txt is not a picture (text/plain); this problem takes a PNG, JPEG,"),
        (SPEECH, b"x", "a.png", "image/png", "a.png is not a sound (image/png); this problem"),
        (SPEECH, b"", "empty.wav", "audio/wav", "empty.wav is empty; give a WAV,"),
        (SPEECH, wav(1300), "long.wav", "audio/wav",
         "long.wav lasts 65.2 s; the server takes at most 60 s."),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_right_is_refused_before_it_is_sent(
    page, problem, content, name, kind, sentence
):
    page.open(problem)
    give(page, content, name, kind)
    assert page.refusal().startswith(sentence)
    page.click("#send")
    page.until("return document.getElementById('error').textContent.includes('first')", "told")


def test_a_file_beyond_the_servers_limit_is_not_sent(page):
    page.open(CLASS)
    page.run(
        "const data = new DataTransfer();"
        "data.items.add(new File([new Uint8Array(13e6)], 'large.png', { type: 'image/png' }));"
        "window.dispatchEvent(new DragEvent('drop', { dataTransfer: data }))"
    )
    assert page.refusal() == "large.png has 13.0 MB; the server takes at most 12.6 MB."


def test_the_servers_refusals_are_shown(page):
    page.open(CLASS)
    give(page, b"no picture at all", "fake.png", "image/png")
    previewed(page, "this browser cannot show it")
    page.click("#send")
    assert page.refusal().startswith(
        "Row 0 of decoding_toy_class is not an image, but this problem takes one;"
    )
    page.open(TEXT)
    page.click("#send")
    assert page.refusal() == "Type a text first."
    page.run("document.getElementById('text').value = 'ä'.repeat(5000)")
    page.click("#send")
    page.until("return document.getElementById('error').textContent.includes('10000')", "told")
    assert page.text("#error").endswith("the server takes at most 8192.")


def test_ctrl_enter_sends(page):
    page.type("dog")
    page.driver.find_element("css selector", "#text").send_keys("\ue009\ue007")
    assert page.answered()


def test_a_request_is_cancelled(page):
    page.run(
        "window.kept = window.fetch;"
        "window.fetch = (path, { signal }) => new Promise((_, reject) =>"
        " signal.addEventListener('abort', () => reject(new DOMException('', 'AbortError'))))"
    )
    page.type("dog")
    page.click("#send")
    assert not page.driver.find_element("css selector", "#send").is_enabled()
    page.until("return /still works/.test(document.getElementById('status').textContent)", "slow")
    page.click("#cancel")
    assert page.text("#status") == "Cancelled."
    assert page.run("return document.getElementById('error').hidden")
    page.run("window.fetch = window.kept")
    assert page.answer()


@pytest.mark.parametrize(
    ("fetch", "sentence"),
    [
        ("Promise.reject(new TypeError('Failed to fetch'))", "The server cannot be reached;"),
        ("Promise.resolve(new Response('<html>', {status: 502}))",
         "The server answered with status 502 and no JSON."),
        ("Promise.resolve(new Response('{\"error\": \"too many rows.\"}', {status: 429}))",
         "Too many rows."),
    ],
)  # fmt: skip
def test_a_server_that_fails_is_told(page, fetch, sentence):
    page.run(f"window.fetch = () => {fetch}")
    page.type("dog")
    page.click("#send")
    assert page.refusal().startswith(sentence)
    assert page.driver.find_element("css selector", "#send").is_enabled()


@pytest.mark.parametrize("problem", [TEXT, CAPTION, SPEECH])
def test_a_phone_shows_all_of_it(page, problem):
    metrics = {"width": PHONE, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page.open(problem)
    page.click(".example")
    page.until("return document.querySelector('figure') || document.getElementById('text')?.value",
               "the example is there")  # fmt: skip
    page.answer()
    page.click("summary")
    wide = page.run("return document.documentElement.scrollWidth")
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= PHONE


def test_controls_have_names(page):
    for problem in (TEXT, CAPTION, SPEECH):
        page.open(problem)
        for element in page.driver.find_elements(
            "css selector", "button:not([hidden]), input, textarea"
        ):
            assert element.accessible_name, element.get_attribute("outerHTML")

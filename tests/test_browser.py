"""The site in a browser without a network: links, console, requests, what shuts people out, and narrow screens.

The browser is a Chromium of this machine (`apt-get install chromium`, or `CHROMIUM=/path/to/it`); without one the tests are
skipped. The site is made from the tracked reference's tables and figures, or is the one that `EMOCAST_SITE` names.
"""

import itertools
import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import pytest

import reference_site
import small_forecaster
from emocast import paths, settings
from emocast.forecaster import training
from emocast_run import runner
from emocast_run import site as pages
from emocast_run.site import PAGES

CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
SIZES = {"light": (1280, 900), "dark": (1280, 900), "phone": (390, 844)}
FAULTS = {"serious", "critical"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a site with all notebooks, made on two machines, a saved model, and a notebook that was skipped."""
    if os.environ.get("EMOCAST_SITE"):
        return Path(os.environ["EMOCAST_SITE"])
    outputs = tmp_path_factory.mktemp("a place with spaces")
    reference_site.finish(outputs / "demo", elsewhere=["05_time_shift_sweep", "06_cross_lingual_ser"])
    runner.note_skipped(outputs / "demo", "09_of_your_own", ["no <model> yet"])
    made = small_forecaster.example()[2]
    training.save(outputs / "demo" / "models" / "forecaster", made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOCAST_OUTPUTS", str(outputs))
        patch.setenv("EMOCAST_DATA", str(outputs / "data"))
        return pages.write(settings.load("demo"), outputs / "demo").parent


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: `apt-get install chromium`, or name one in CHROMIUM")
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed here: `make env` does")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(browser, looks):
    """A page of the browser that notes what it asks for and what its console says."""
    width, height = SIZES[looks]
    scheme = "dark" if looks == "dark" else "light"
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.set_default_timeout(10_000)
    requests, complaints = [], []
    page.on("request", lambda request: requests.append(request.url))
    told = ("error", "warning")
    page.on("console", lambda message: complaints.append(message.text) if message.type in told else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, requests, complaints


def pages_of(site):
    return sorted(site.glob("*.html")) + sorted(site.glob("[0-9]*/*.html"))


#: Notebooks whose pages axe looks through each time, beside the site's own: one with tables and figures, one with a player. The
#: others are made of the same parts, and take it a minute.
_SOME = ("04_forecasting_fcdnn", "08_forecast_a_recording")
#: All rules but the slow one; and that one alone, which takes axe seconds for a page of many words.
EASY = {"resultTypes": ["violations"], "preload": False, "rules": {"color-contrast": {"enabled": False}}}
CONTRAST = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
#: Leaves of each element's kind (its tag and classes, and those around it) but one: what is alike has the same colours.
_ALIKE = """() => {
    const kind = part => part ? kind(part.parentElement) + ' ' + part.tagName + '.' + part.getAttribute('class') : '';
    const seen = new Set();
    for (const part of Array.from(document.body.querySelectorAll('*')).reverse()) {
        if (part.childElementCount) continue;
        if (seen.has(kind(part))) part.remove(); else seen.add(kind(part));
    }
}"""


#: What each element links or shows, but what is in the page itself.
_LINKS = """() => Array.from(document.querySelectorAll('[href], [src]'))
    .map(part => part.getAttribute('href') || part.getAttribute('src')).filter(link => !link.startsWith('data:'))"""


def faults(page, options):
    """What axe-core finds serious or critical: its rule, and where."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options=options).response["violations"]
    nodes = [(fault["id"], node) for fault in found if fault["impact"] in FAULTS for node in fault["nodes"]]
    return [f"{rule}: {node['html'][:120]}" for rule, node in nodes]


def faults_of(page, looks):
    """The faults of an open page in one of its looks; in the dark only its colours are others."""
    found = [] if looks == "dark" else faults(page, EASY)
    if looks == "phone":
        return found
    page.evaluate(_ALIKE)
    return found + faults(page, CONTRAST)


def test_the_site_holds_each_kind_of_page_and_part(site):
    """Or what is checked below would not be there to be checked."""
    names = {file.relative_to(site).as_posix() for file in pages_of(site)}
    notebooks = {file.stem for file in paths.NOTEBOOKS.glob("*.ipynb")}
    assert {f"{name}/{name}.html" for name in notebooks} | {*PAGES, "model_forecaster.html"} <= names
    first = (site / "index.html").read_text("utf-8")
    player = (site / "08_forecast_a_recording" / "08_forecast_a_recording.html").read_text("utf-8")
    assert all(f'id="answer-{name}"' in first for name in notebooks) and "<audio" in player
    if "EMOCAST_SITE" not in os.environ:
        ran = (site / "run.html").read_text("utf-8")
        assert 'src="recording.mp3"' in player and ran.count("<h3") == 2 and 'id="skipped"' in ran


def test_every_link_resolves_and_nothing_is_asked_of_a_host(site, browser):
    page, requests, complaints = opened(browser, "light")
    anchors, links = {}, set()
    for file in pages_of(site):
        page.goto(file.as_uri())
        page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
        page.wait_for_function("Array.from(document.images).every(image => image.complete)")
        poor = "Array.from(document.images).filter(image => !image.naturalWidth || !image.alt).map(image => image.src)"
        assert page.evaluate(poor) == []
        ids = page.evaluate("Array.from(document.querySelectorAll('[id]')).map(part => part.id)")
        anchors[file.as_uri()] = set(ids)
        links |= {urljoin(file.as_uri(), link) for link in page.evaluate(_LINKS)}
    inside = {link for link in links if link.startswith("file:")}
    assert len(inside) > 60 and all(link.startswith(("file:", "https:", "http:")) for link in links)
    lost = [link for link in inside if not Path(unquote(urlparse(link).path)).is_file()]
    assert lost == []
    aimed = [urldefrag(link) for link in inside if "#" in link]
    assert [link for link in aimed if unquote(link.fragment) not in anchors[link.url]] == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
    page.close()


@pytest.mark.parametrize("looks", ["light", "phone"])  # in the dark only colours are others
def test_no_page_overflows_or_complains_and_headings_come_in_order(site, browser, looks):
    page, _, complaints = opened(browser, looks)
    wider = {}
    for file in pages_of(site):
        page.goto(file.as_uri())
        wider[file.name] = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        levels = page.evaluate("Array.from(document.querySelectorAll('h1,h2,h3,h4,h5,h6'), h => Number(h.tagName[1]))")
        assert levels[0] == 1 and levels.count(1) == 1, file.name
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), (file.name, levels)
    page.close()
    assert {name: by for name, by in wider.items() if by > 0} == {} and complaints == []


@pytest.mark.parametrize(
    "looks", ["light", *(pytest.param(looks, marks=pytest.mark.slow) for looks in list(SIZES)[1:])]
)
@pytest.mark.parametrize("part", ["some", pytest.param("others", marks=pytest.mark.slow)])
def test_nobody_is_shut_out(site, browser, looks, part):
    page, _, _ = opened(browser, looks)
    found = {}
    for file in pages_of(site):
        if (file.parent == site or file.stem in _SOME) == (part == "some"):
            page.goto(file.as_uri())
            found[file.name] = faults_of(page, looks)
    page.close()
    assert found and {name: wrong for name, wrong in found.items() if wrong} == {}


def test_the_check_for_faults_finds_one(browser, tmp_path):
    """Or a page without any fault would prove nothing."""
    bad = tmp_path / "bad.html"
    bad.write_text("<html><title>x</title><body style='background:#fff'><img src='x.png'><p style='color:#ccc'>pale")
    page, _, complaints = opened(browser, "light")
    page.goto(bad.as_uri())
    rules = {fault.partition(":")[0] for fault in faults_of(page, "light")}
    assert {"image-alt", "color-contrast", "html-has-lang"} <= rules and complaints
    page.close()


def test_the_keyboard_reaches_the_content_first(site, browser):
    page, _, _ = opened(browser, "light")
    page.goto((site / "index.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.close()

"""`play`: what a person sees of each system is what the model does."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.chromium import CONTROL, Page, browser, chromium
from support.commands import error_of
from support.models import chatty, tiny
from support.runs import FinishedRun
from support.serving import threaded

from ontarget.decoding.base import Search, translate_all
from ontarget.decoding.hf.translator import HuggingFaceTranslator
from ontarget.models.loading import LoadedModel
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample
from ontarget.serving.play import routes
from ontarget.serving.play.first_tokens import answering_languages, count_first_tokens
from ontarget.serving.play.routes import Playground, play_application
from ontarget.serving.play.systems import PlayedAnswer, PlayedSystem, played_system

PLAIN = PromptFormat(template="To {target}: {input} =")
CHAT = PromptFormat(template="{source} to {target}: {input}", chat=True, system="Be brief.")
LANGUAGES = ("en", "it", "nl")
MOST = 12
ATTACK = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>'


def sample(text: str, asked: str = "it", target: str = "") -> Sample:
    return Sample(
        key="k", source_lang="en", asked_lang=asked, target_lang=asked, source=text, target=target
    )


REFERENCES = [sample("x", "it", "ciao mondo"), sample("x", "nl", "hello"), sample("x", "nl", "12")]


def system_of(name: str, loaded: LoadedModel, form: PromptFormat) -> PlayedSystem:
    return played_system(name, name.title(), loaded, form, MOST, REFERENCES)


@contextmanager
def playing(*systems: PlayedSystem) -> Iterator[tuple[str, Playground]]:
    """The page of these systems, as a server: its address, and what is behind it."""
    desk = ThreadPoolExecutor(1)
    playground = Playground(
        title=ATTACK, languages=LANGUAGES, systems=systems, example=sample("hello world"), desk=desk
    )
    with threaded(play_application(playground)) as port:
        yield f"http://127.0.0.1:{port}", playground
    desk.shutdown()


def post(url: str, path: str, **changes: Any) -> httpx.Response:
    body = {"source": "hello world", "source_lang": "en", "asked_lang": "it", **changes}
    return httpx.post(f"{url}/{path}", json=body, timeout=30, trust_env=False)


def fault(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"])


def test_a_first_token_is_shared_by_languages_in_proportion_to_their_references() -> None:
    probabilities = torch.tensor([0.1, 0.5, 0.2, 0.05, 0.15])
    counts = {"it": {1: 3, 2: 1}, "nl": {2: 3, 4: 1}}
    found = answering_languages(probabilities, counts)
    # it: all of token 1, a quarter of token 2; nl: three quarters of token 2, all of token 4
    assert found == {
        "it": pytest.approx(0.5 + 0.2 / 4), "nl": pytest.approx(0.2 * 3 / 4 + 0.15)
    }  # fmt: skip


@given(
    st.lists(st.integers(0, 20), min_size=6, max_size=6).filter(any),
    st.dictionaries(
        st.sampled_from("abc"),
        st.dictionaries(st.integers(0, 5), st.integers(1, 9), min_size=1),
        min_size=1,
    ),
)
def test_languages_share_exactly_what_is_on_tokens_that_begin_a_reference(
    weights: list[int], counts: dict[str, dict[int, int]]
) -> None:
    probabilities = torch.tensor(weights, dtype=torch.float64) / sum(weights)
    seen = {token for tokens in counts.values() for token in tokens}
    mass = sum(weights[token] for token in seen) / sum(weights)
    assert sum(answering_languages(probabilities, counts).values()) == pytest.approx(mass)


def test_first_tokens_are_counted_by_the_language_of_the_reference() -> None:
    loaded = tiny()
    first = {
        text: loaded.tokenizer.encode(text, add_special_tokens=False)[0]
        for text in ("ciao mondo", "hello", "12")
    }
    counts = count_first_tokens(loaded, [*REFERENCES, REFERENCES[0]], PLAIN)
    assert counts == {"it": {first["ciao mondo"]: 2}, "nl": {first["hello"]: 1, first["12"]: 1}}


@pytest.mark.parametrize("form", [PLAIN, CHAT], ids=["text", "chat"])
def test_the_unedited_request_is_answered_as_the_run_translates(form: PromptFormat) -> None:
    loaded = chatty()
    expected = translate_all(
        HuggingFaceTranslator(loaded, form, Search(beams=1, max_new_tokens=MOST, batch=1)),
        [sample("hello world")],
    )
    with playing(system_of("base", loaded, form)) as (url, _):
        request = post(url, "request").json()["request"]
        answer = post(url, "answer", system="base", request=request).json()
    assert request == form.template.format(source="English", target="Italian", input="hello world")
    assert [answer["text"]] == expected


def test_a_changed_word_reaches_the_model_and_its_first_token_is_the_one_shown() -> None:
    loaded, request = tiny(3), "To Dutch: hello world ="
    system = system_of("base", loaded, PLAIN)
    with torch.no_grad():
        tokens = torch.tensor([loaded.tokenizer.encode(request, add_special_tokens=False)])
        first = loaded.model(tokens).logits[0, -1].double().softmax(-1)
    dutch = [loaded.tokenizer.encode(text, add_special_tokens=False)[0] for text in ("hello", "12")]
    with playing(system) as (url, _):
        answer = post(url, "answer", system="base", request=request).json()
        before = post(url, "answer", system="base", request="To Italian: hello world =").json()
    shown = {one["language"]: one["probability"] for one in answer["first_token"]}
    assert shown["nl"] == pytest.approx(float(first[dutch].sum()), rel=1e-4)
    assert before["first_token"] != answer["first_token"]


def test_an_answer_that_nobody_waits_for_ends_at_once() -> None:
    system, stopped = system_of("base", tiny(), PLAIN), threading.Event()
    whole = system.answer(sample("hello"), "To Italian: hello =", stopped)
    stopped.set()
    ended = system.answer(sample("hello"), "To Italian: hello =", stopped)
    assert (whole.cut, ended.cut, ended.text) == (True, False, "")
    assert ended.languages == whole.languages


def test_faults_are_one_line() -> None:
    with playing(system_of("base", chatty(), PLAIN)) as (url, playground):
        ask = {"system": "base", "request": "x"}
        assert fault(post(url, "request", asked_lang="en"), 400).startswith("both languages are")
        assert "use one of en, it, nl" in fault(post(url, "request", asked_lang="de"), 400)
        assert "use one of base" in fault(post(url, "answer", **ask | {"system": "x"}), 404)
        assert "at most 6000" in fault(post(url, "answer", **ask | {"request": "x" * 6001}), 400)
        assert "positions" in fault(post(url, "answer", **ask | {"request": "x" * 6000}), 400)
        special = fault(post(url, "answer", **ask | {"request": "a</s>b"}), 400)
        assert special.startswith("the request: its text contains '</s>', a special token")
        playground.running.update(threading.Event() for _ in range(routes.WAITING))
        assert fault(post(url, "answer", **ask), 503) == "too many requests wait; try again"


def test_the_page_is_complete_and_allows_its_own_script_only() -> None:
    with playing(system_of("base", tiny(), PLAIN)) as (url, _):
        pages = [httpx.get(url, trust_env=False) for _ in range(2)]
        foreign = httpx.get(url, headers={"Host": "evil.example"}, trust_env=False)
    policies = [page.headers["content-security-policy"] for page in pages]
    assert policies[0] != policies[1]
    (nonce,) = set(re.findall(r"'nonce-([\w-]+)'", policies[0]))
    assert pages[0].text.count(f'nonce="{nonce}"') == 2
    assert "default-src 'none'" in policies[0] and "unsafe" not in policies[0]
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:,)""", pages[0].text)
    assert foreign.status_code == 403


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if chromium() is None:
        pytest.skip("needs chromium, chromium-browser or google-chrome")
    with browser(tmp_path_factory.mktemp("chromium")) as page:
        yield page


ANSWERS = "[...document.querySelectorAll('.answer')].map((one) => one.textContent)"
SHOWN = "document.querySelectorAll('article:not(.waiting) .bars li').length == 4"


def test_hostile_text_stays_text(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def attack(*_: object) -> PlayedAnswer:
        return PlayedAnswer(text=ATTACK, cut=False, languages={"it": 0.5, "nl": 0.1})

    monkeypatch.setattr(PlayedSystem, "answer", attack)
    form = replace(PLAIN, names=(("it", ATTACK),))
    systems = [replace(system_of(n, tiny(), form), title=ATTACK) for n in ("base", "stage2")]
    with playing(*systems) as (url, _):
        page.open(url, 1280)
        page.wait(SHOWN)
        assert page.value(ANSWERS) == [ATTACK, ATTACK]
        assert ATTACK in page.value("document.getElementById('title').textContent")
        assert ATTACK in page.value("document.getElementById('request').value")
        assert page.value("document.querySelectorAll('img, main script').length") == 0
        assert page.value("window.owned") is None
    assert page.problems == []


def test_the_page_works_by_keyboard_and_on_a_phone(page: Page) -> None:
    focused = "document.activeElement.id"
    with playing(system_of("base", tiny(1), PLAIN), system_of("stage2", tiny(2), PLAIN)) as (
        url,
        _,
    ):
        page.open(url, 390)
        page.wait(SHOWN)
        assert page.value("document.documentElement.scrollWidth") <= 390
        order = []
        for _ in range(6):
            page.press("Tab")
            order.append(page.value(focused))
        assert order[1:] == ["source_lang", "swap", "asked_lang", "source", "request"]
        page.value("document.getElementById('request').select()")
        page.type("To Dutch: 1234 =")
        page.press("Enter", CONTROL)
        expected = [
            translate_all(
                HuggingFaceTranslator(
                    tiny(seed), PromptFormat(template="To Dutch: {input} ="),
                    Search(beams=1, max_new_tokens=MOST, batch=1),
                ),
                [sample("1234")],
            )[0]
            for seed in (1, 2)
        ]  # fmt: skip
        page.wait(f"JSON.stringify({ANSWERS}) == JSON.stringify({expected!r})")
        assert page.value("document.getElementById('reset').hidden") is False
        page.wait("document.querySelectorAll('.before').length == 4")
        page.wait("document.getElementById('status').textContent.startsWith('Base: ')")
        page.value("document.getElementById('status').textContent = ''")
        page.press("Enter", CONTROL)  # without an edit that would run by itself
        page.wait("document.getElementById('status').textContent.includes('Stage2: ')")
        page.value("document.getElementById('source').select()")
        page.value("document.getElementById('source').focus()")
        page.type("ciao")
        page.press("Enter")
        page.wait("document.getElementById('request').value == 'To Italian: ciao ='")
        unnamed = (
            "[...document.querySelectorAll('select, textarea, button')].filter((one) => "
            "!one.labels?.length && !one.textContent.trim() && !one.ariaLabel).length"
        )
        assert page.value(unnamed) == 0
    assert page.problems == []


def test_the_command_tells_the_memory_and_serves_every_system_of_a_run(
    finished_run: FinishedRun,
) -> None:
    command = [sys.executable, "-m", "ontarget", "play", str(finished_run.out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            memory, ready = (process.stderr.readline() for _ in range(2))
            assert re.fullmatch(
                r"base, stage1, stage2: \d+\.\d\d GiB of weights on \w+, .*\n", memory
            )
            (url,) = re.findall(r"^playing on (http://127\.0\.0\.1:\d+)$", ready.strip())
            run = httpx.get(f"{url}/run", trust_env=False).json()
            assert [system["name"] for system in run["systems"]] == ["base", "stage1", "stage2"]
            time.sleep(0.1)
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    assert "holds no 1_prepare/step.json; give the folder" in error_of("play", tmp_path)


def test_a_run_without_a_training_is_refused(finished_run: FinishedRun, tmp_path: Path) -> None:
    run = finished_run.copy_to(tmp_path).out
    for folder in ("3_mle", "4_unlikelihood"):
        (run / folder / "step.json").unlink()
    assert "neither stage 1 nor stage 2 has finished" in error_of("play", run)

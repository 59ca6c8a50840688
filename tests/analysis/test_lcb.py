"""The Language Confusion Benchmark on files: parity with the public script, and bad input.

`TOGETHER`, `MONOLINGUAL` and `CROSSLINGUAL` are what the benchmark's own script (compute_metrics.py
of for-ai/language-confusion at commit 6cb0fe2, with fasttext 0.9.3, numpy 1.26.4, jieba 0.42.1,
fugashi 1.3.2 and unidic-lite 1.0.8) printed for `ROWS`, or for its rows of one task, with
lid.176.ftz as its model and `WORDS` as its list. Those of `SPACED` are without the rows in Chinese
and Japanese, whose tokenizers are optional packages. Figures: source, language, LPR, WPR.
"""

import csv
import gzip
import hashlib
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from ontarget import __version__
from ontarget.analysis import lcb
from ontarget.analysis.lcb import Benchmark
from ontarget.errors import CorpusError, DetectorError
from ontarget.offtarget.rates import lcb as definitions
from ontarget.offtarget.rates.lcb import ConfusionCounts, Group

WORDS = "The\nwith\nmeeting\nover\nBerlin\ncat\ndeadline  \nproject\nresults\nteam\nthis\n"
HEADER = ["model", "completion", "task", "source", "language"]
MODELS = ("command-r", "command-r-plus", "gpt-3.5-turbo", "gpt-4-turbo")
AR = "ستجتمع اللجنة مرة أخرى الأسبوع المقبل لمناقشة نتائج الدراسة."
HI = "समिति अगले सप्ताह अध्ययन के परिणामों पर चर्चा करने के लिए फिर से बैठेगी।"
RU = "На следующей неделе комитет снова соберётся, чтобы обсудить результаты."
KO = "위원회는 다음 주에 다시 모여 연구 결과를 논의할 예정입니다."
JA = "委員会は来週また集まって、研究の結果について話し合う予定です。"
ZH = "委员会将于下周再次开会，讨论这项研究的结果。"
EN = "The committee will meet again next week to discuss the results of the study."
DE = "Der Ausschuss trifft sich nächste Woche wieder, um die Ergebnisse zu besprechen."
ES = "El comité se reunirá de nuevo la próxima semana para discutir los resultados."
FR = "Le comité se réunira de nouveau la semaine prochaine pour discuter des résultats."
IT = "La settimana prossima il comitato si riunirà di nuovo per discutere i risultati."
PT = "O comitê vai se reunir novamente na próxima semana para discutir os resultados."
TR = "Komite, çalışmanın sonuçlarını görüşmek üzere gelecek hafta yeniden toplanacak."
VI = "Ủy ban sẽ họp lại vào tuần tới để thảo luận về kết quả của nghiên cứu."
ID = "Panitia akan bertemu lagi minggu depan untuk membahas hasil penelitian ini."

ROWS = [  # (task, source, language, completion)
    ("monolingual", "okapi", "ar", AR),
    ("monolingual", "okapi", "ar", "نحن ندرس نتائج العمل مع deadline في نهاية الأسبوع القادم."),
    ("monolingual", "okapi", "ar", "في العام الماضي، تطورت تقنيات AI بسرعة كبيرة، ولم تتوقف."),
    ("monolingual", "aya", "ar", "We cannot answer this question in Arabic right now."),
    ("crosslingual", "okapi", "ar", "نعم."),
    ("crosslingual", "okapi", "ar", f"Sure! Here is the answer in Arabic:\n\n{AR}"),
    ("crosslingual", "complex_prompts", "ar", f"Sure, here it is:\n{AR}"),
    ("monolingual", "dolly", "hi", HI),
    ("monolingual", "dolly", "hi", "हमारी team अगले सप्ताह नई योजना पर काम शुरू करेगी।"),
    ("crosslingual", "sharegpt", "hi", EN),
    ("crosslingual", "sharegpt", "hi", "ठीक है\n\n"),
    ("crosslingual", "sharegpt", "hi", f"  {HI}\n{HI}\n1. ठीक"),
    ("monolingual", "dolly", "ru", RU),
    ("monolingual", "okapi", "ru", "Наша команда обсудит results исследования на этой неделе."),
    ("monolingual", "okapi", "ru", "Наша команда обсудит «results» исследования на этой неделе."),
    ("monolingual", "okapi", "ru", "Наша команда обсудит THE Results исследования на неделе."),
    ("crosslingual", "okapi", "ru", f"{RU}\nQ: What is the capital of France and why?\nA: Paris."),
    ("crosslingual", "okapi", "ru", f"{RU} Q: What is this meeting over there about?"),
    ("crosslingual", "complex_prompts", "ru", "Комитет—project—соберётся на следующей неделе."),
    ("crosslingual", "complex_prompts", "ru", "Комитет «Мир» соберётся (project-team) на неделе."),
    ("crosslingual", "complex_prompts", "ru", f"{RU}\n{RU}\nResults with the team\n#project"),
    ("monolingual", "native", "ko", KO),
    ("monolingual", "native", "ko", "우리 team 은 다음 주에 새로운 계획을 시작할 예정입니다."),
    ("crosslingual", "sharegpt", "ko", "네, 알겠습니다."),
    ("monolingual", "native", "ja", JA),
    ("monolingual", "native", "ja", "新しい project の結果について来週また話し合う予定です。"),
    ("crosslingual", "okapi", "ja", EN),
    ("crosslingual", "okapi", "ja", "はい。"),
    ("crosslingual", "okapi", "ja", f"{JA}\n\n{JA}\n「OK」"),
    ("crosslingual", "okapi", "ja", "来週の予定：team、研究、結果、会議の準備をしましょう。"),
    ("monolingual", "aya", "zh", ZH),
    ("monolingual", "okapi", "zh", "我们的 team 将于下周再次开会，讨论结果。"),
    ("monolingual", "okapi", "zh", "好的，谢谢"),
    ("monolingual", "okapi", "zh", "我们下周用project开会，讨论这项研究的结果。"),
    ("crosslingual", "complex_prompts", "zh", "委員會將於下週再次開會，討論這項研究的結果。"),
    ("crosslingual", "complex_prompts", "zh", "Here is the plan that you asked for today."),
    ("crosslingual", "sharegpt", "zh", "你 好 吗"),
    ("monolingual", "okapi", "en", EN),
    ("monolingual", "okapi", "en", "1 2 3 4 5"),
    ("monolingual", "aya", "en", FR),
    ("monolingual", "okapi", "de", DE),
    ("monolingual", "okapi", "de", f"{DE}\n\n{DE}\n{EN}"),
    ("crosslingual", "okapi", "de", f"Here is the German version:\n{DE}"),
    ("crosslingual", "okapi", "de", f"{DE} {DE}"),
    ("monolingual", "dolly", "es", ES),
    ("monolingual", "native", "es", EN),
    ("crosslingual", "sharegpt", "es", f'"{ES}", dijo.'),
    ("monolingual", "native", "fr", f"{FR}\r\n{FR}"),
    ("crosslingual", "okapi", "fr", f"{FR}\nThis is the English line of it.\n{FR}"),
    ("crosslingual", "okapi", "fr", f"{FR}\n\n{FR}"),
    ("crosslingual", "okapi", "fr", FR.upper()),
    ("monolingual", "okapi", "id", ID),
    ("monolingual", "okapi", "it", IT),
    ("crosslingual", "okapi", "it", f"{IT}\n{ES}"),
    ("monolingual", "aya", "pt", PT),
    ("monolingual", "okapi", "pt", f"{PT}\rAnd now in English, please, as before."),
    ("monolingual", "aya", "tr", TR),
    ("crosslingual", "sharegpt", "tr", "1 2 3 4 5"),
    ("monolingual", "okapi", "vi", VI),
    ("crosslingual", "complex_prompts", "vi", ""),
]  # fmt: skip

SPACED = {
    "together": """
    aya ar 0.00% 100.00%; aya en 0.00% N/A; aya pt 100.00% N/A; aya tr 100.00% N/A;
    complex_prompts ar 100.00% 100.00%; complex_prompts ru 100.00% 66.67%;
    complex_prompts vi 100.00% N/A; dolly es 100.00% N/A; dolly hi 100.00% 50.00%;
    dolly ru 100.00% 100.00%; native es 0.00% N/A; native fr 100.00% N/A;
    native ko 100.00% 50.00%; okapi ar 75.00% 66.67%; okapi de 50.00% N/A; okapi en 50.00% N/A;
    okapi fr 33.33% N/A; okapi id 100.00% N/A; okapi it 50.00% N/A; okapi pt 0.00% N/A;
    okapi ru 100.00% 60.00%; okapi vi 100.00% N/A; sharegpt es 100.00% N/A;
    sharegpt hi 50.00% 100.00%; sharegpt ko 100.00% 100.00%; sharegpt tr 0.00% N/A;
    aya all 50.00% 100.00%; complex_prompts all 100.00% 83.33%; dolly all 100.00% 75.00%;
    native all 66.67% 50.00%; okapi all 62.04% 63.33%; sharegpt all 62.50% 100.00%;
    all ar 58.33% 88.89%; all en 25.00% N/A; all pt 50.00% N/A; all tr 50.00% N/A;
    all ru 100.00% 75.56%; all vi 100.00% N/A; all es 66.67% N/A; all hi 75.00% 75.00%;
    all fr 66.67% N/A; all ko 100.00% 75.00%; all de 50.00% N/A; all id 100.00% N/A;
    all it 50.00% N/A; all all 68.59% 78.61%
""",
    "monolingual": """
    all ar 50.00% 83.33%; all en 25.00% N/A; all pt 50.00% N/A; all tr 100.00% N/A;
    all es 50.00% N/A; all hi 100.00% 50.00%; all ru 100.00% 83.33%; all fr 100.00% N/A;
    all ko 100.00% 50.00%; all de 50.00% N/A; all id 100.00% N/A; all it 100.00% N/A;
    all vi 100.00% N/A; all all 78.85% 66.67%
""",
    "crosslingual": """
    all ar 50.00% 100.00%; all ru 100.00% 58.33%; all vi 100.00% N/A; all de 50.00% N/A;
    all fr 33.33% N/A; all it 0.00% N/A; all es 100.00% N/A; all hi 50.00% 100.00%;
    all ko 100.00% 100.00%; all tr 0.00% N/A; all all 58.33% 89.58%
""",
}
TOGETHER = """
    aya ar 0.00% 100.00%; aya en 0.00% N/A; aya pt 100.00% N/A; aya tr 100.00% N/A;
    aya zh 100.00% 100.00%; complex_prompts ar 100.00% 100.00%;
    complex_prompts ru 100.00% 66.67%; complex_prompts vi 100.00% N/A;
    complex_prompts zh 50.00% 100.00%; dolly es 100.00% N/A; dolly hi 100.00% 50.00%;
    dolly ru 100.00% 100.00%; native es 0.00% N/A; native fr 100.00% N/A;
    native ja 100.00% 50.00%; native ko 100.00% 50.00%; okapi ar 75.00% 66.67%;
    okapi de 50.00% N/A; okapi en 50.00% N/A; okapi fr 33.33% N/A; okapi id 100.00% N/A;
    okapi it 50.00% N/A; okapi ja 66.67% 50.00%; okapi pt 0.00% N/A; okapi ru 100.00% 60.00%;
    okapi vi 100.00% N/A; okapi zh 100.00% 0.00%; sharegpt es 100.00% N/A;
    sharegpt hi 50.00% 100.00%; sharegpt ko 100.00% 100.00%; sharegpt tr 0.00% N/A;
    sharegpt zh 100.00% 100.00%; aya all 60.00% 100.00%; complex_prompts all 87.50% 88.89%;
    dolly all 100.00% 75.00%; native all 75.00% 50.00%; okapi all 65.91% 44.17%;
    sharegpt all 70.00% 100.00%; all ar 58.33% 88.89%; all en 25.00% N/A; all pt 50.00% N/A;
    all tr 50.00% N/A; all zh 87.50% 75.00%; all ru 100.00% 75.56%; all vi 100.00% N/A;
    all es 66.67% N/A; all hi 75.00% 75.00%; all fr 66.67% N/A; all ja 83.33% 50.00%;
    all ko 100.00% 75.00%; all de 50.00% N/A; all id 100.00% N/A; all it 50.00% N/A;
    all all 70.83% 73.24%
"""
MONOLINGUAL = """
    aya ar 0.00% 100.00%; aya en 0.00% N/A; aya pt 100.00% N/A; aya tr 100.00% N/A;
    aya zh 100.00% 100.00%; dolly es 100.00% N/A; dolly hi 100.00% 50.00%;
    dolly ru 100.00% 100.00%; native es 0.00% N/A; native fr 100.00% N/A;
    native ja 100.00% 50.00%; native ko 100.00% 50.00%; okapi ar 100.00% 66.67%;
    okapi de 50.00% N/A; okapi en 50.00% N/A; okapi id 100.00% N/A; okapi it 100.00% N/A;
    okapi pt 0.00% N/A; okapi ru 100.00% 66.67%; okapi vi 100.00% N/A; okapi zh 100.00% 0.00%;
    aya all 60.00% 100.00%; dolly all 100.00% 75.00%; native all 75.00% 50.00%;
    okapi all 77.78% 44.44%; all ar 50.00% 83.33%; all en 25.00% N/A; all pt 50.00% N/A;
    all tr 100.00% N/A; all zh 100.00% 50.00%; all es 50.00% N/A; all hi 100.00% 50.00%;
    all ru 100.00% 83.33%; all fr 100.00% N/A; all ja 100.00% 50.00%; all ko 100.00% 50.00%;
    all de 50.00% N/A; all id 100.00% N/A; all it 100.00% N/A; all vi 100.00% N/A;
    all all 81.67% 61.11%
"""
CROSSLINGUAL = """
    complex_prompts ar 100.00% 100.00%; complex_prompts ru 100.00% 66.67%;
    complex_prompts vi 100.00% N/A; complex_prompts zh 50.00% 100.00%; okapi ar 0.00% 100.00%;
    okapi de 50.00% N/A; okapi fr 33.33% N/A; okapi it 0.00% N/A; okapi ja 66.67% 50.00%;
    okapi ru 100.00% 50.00%; sharegpt es 100.00% N/A; sharegpt hi 50.00% 100.00%;
    sharegpt ko 100.00% 100.00%; sharegpt tr 0.00% N/A; sharegpt zh 100.00% 100.00%;
    complex_prompts all 87.50% 88.89%; okapi all 41.67% 66.67%; sharegpt all 70.00% 100.00%;
    all ar 50.00% 100.00%; all ru 100.00% 58.33%; all vi 100.00% N/A; all zh 75.00% 100.00%;
    all de 50.00% N/A; all fr 33.33% N/A; all it 0.00% N/A; all ja 66.67% 50.00%;
    all es 100.00% N/A; all hi 50.00% 100.00%; all ko 100.00% 100.00%; all tr 0.00% N/A;
    all all 60.42% 84.72%
"""


def csv_rows(rows: Sequence[tuple[str, str, str, str]]) -> list[list[str]]:
    """Rows as in the published files."""
    return [
        [MODELS[number % 4], completion, task, source, language]
        for number, (task, source, language, completion) in enumerate(rows)
    ]


def csv_bytes(rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode()


def json_bytes(rows: Sequence[Sequence[str]]) -> bytes:
    return "".join(f"{json.dumps(dict(zip(HEADER, row, strict=True)))}\n" for row in rows).encode()


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def measured(folder: Path, name: str, content: bytes) -> Benchmark:
    """A file, measured with `WORDS`."""
    words = write(folder, "words", WORDS.encode())
    return lcb.measure(write(folder, name, content), words=words)


def printed(counts: Mapping[Group, ConfusionCounts], *, averages: bool = False) -> list[str]:
    """Figures as the benchmark's script rounds them; of all sources only, if `averages`."""
    return [
        f"{source} {language} {rates.line:.2%} "
        + ("N/A" if rates.word is None else f"{rates.word:.2%}")
        for (source, language), rates in definitions.table(counts).items()
        if source == "all" or not averages
    ]


def figures(text: str) -> list[str]:
    """The figures of one of the texts above."""
    return [figure for part in text.split(";") if (figure := " ".join(part.split()))]


def spaced(rows: Sequence[tuple[str, str, str, str]] = ROWS) -> list[list[str]]:
    return csv_rows([row for row in rows if row[2] not in ("zh", "ja")])


def test_figures_are_those_of_the_script_together_and_by_task(tmp_path: Path) -> None:
    benchmark = measured(tmp_path, "all.csv", csv_bytes(spaced()))
    assert printed(benchmark.overall) == figures(SPACED["together"])
    for task in ("monolingual", "crosslingual"):
        assert printed(benchmark.counts[task], averages=True) == figures(SPACED[task])
    assert benchmark.models == MODELS


def test_figures_in_chinese_and_japanese_are_those_of_the_script(tmp_path: Path) -> None:
    pytest.importorskip("jieba")
    pytest.importorskip("fugashi")
    benchmark = measured(tmp_path, "all.csv", csv_bytes(csv_rows(ROWS)))
    assert printed(benchmark.overall) == figures(TOGETHER)
    assert printed(benchmark.counts["monolingual"]) == figures(MONOLINGUAL)
    assert printed(benchmark.counts["crosslingual"]) == figures(CROSSLINGUAL)
    assert "|zh:jieba-0.42" in benchmark.signature and "|ja:fugashi-1" in benchmark.signature
    assert ("Japanese is split with unidic-lite" in " ".join(benchmark.notes)) == (
        "+unidic-lite" in benchmark.signature
    )


@pytest.mark.parametrize("name", ["x.csv.gz", "x.jsonl", "x.jsonl.gz"])
def test_every_format_gives_the_same_counts(tmp_path: Path, name: str) -> None:
    make = csv_bytes if ".csv" in name else json_bytes
    benchmark = measured(tmp_path, name, make(spaced()))
    assert benchmark.counts == measured(tmp_path, "x.csv", csv_bytes(spaced())).counts


def test_line_ends_of_every_kind_are_line_ends(tmp_path: Path) -> None:
    rows = [["m", f"{RU}{end}{EN}", "", "okapi", "ru"] for end in ("\n", "\r\n", "\r")]
    for content in (csv_bytes(rows), b"\xef\xbb\xbf" + csv_bytes(rows).replace(b"\n", b"\r\n")):
        benchmark = measured(tmp_path, "x.csv", content)
        assert benchmark.counts == {"": {("okapi", "ru"): ConfusionCounts(3, 3, 3)}}
    lines = ["source,language,completion", f"okapi,it,{IT.replace(',', '')}", "okapi,it,no", ""]
    benchmark = measured(tmp_path, "x.csv", "\r".join(lines).encode())
    assert benchmark.counts == {"": {("okapi", "it"): ConfusionCounts(2, 1)}}
    rows = [["m", f"{RU}{end}Q: {EN}", "", "okapi", "ru"] for end in ("\n", "\r\n", "\r")]
    for content in (csv_bytes(rows), json_bytes(rows)):
        name = "x.csv" if content.startswith(b"model") else "x.jsonl"
        benchmark = measured(tmp_path, name, content)
        assert benchmark.counts == {"": {("okapi", "ru"): ConfusionCounts(3, 3)}}


def test_only_three_columns_are_needed_and_others_are_ignored(tmp_path: Path) -> None:
    header = ["language", "note", "source", "completion"]
    content = csv_bytes([["it", "x", "mine", IT], [], ["it", "x", "mine", EN]], header)
    benchmark = measured(tmp_path, "x.csv", content)
    assert benchmark.counts == {"": {("mine", "it"): ConfusionCounts(2, 2, 1)}}
    assert benchmark.overall == benchmark.counts[""]
    assert benchmark.models == ()


def test_the_signature_names_detector_word_list_and_version(tmp_path: Path) -> None:
    benchmark = measured(tmp_path, "x.csv", csv_bytes(spaced()))
    digest = hashlib.sha256(WORDS.encode()).hexdigest()[:12]
    assert benchmark.signature == (
        f"lcb:2406.20052|lid:lid.176.ftz@sha256:8f3472cfe873|words:words@sha256:{digest}"
        f"|v:{__version__}"
    )
    assert benchmark.notes == ("the detector is not lid.176.bin; give it with --detector",)


def test_no_word_list_is_read_where_none_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lcb, "SYSTEM_WORDS", tmp_path / "missing")
    path = write(tmp_path, "x.csv", csv_bytes([["m", IT, "", "okapi", "it"]]))
    assert "|words:none|" in lcb.measure(path).signature


def test_the_list_of_the_system_is_the_default_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "x.csv", csv_bytes([["m", RU, "", "okapi", "ru"]]))
    system = write(tmp_path, "system", b"week\n")
    monkeypatch.setattr(lcb, "SYSTEM_WORDS", system)
    benchmark = lcb.measure(path)
    assert "|words:system@sha256:" in benchmark.signature
    assert f"the word list is this system's {system}; give the benchmark's" in benchmark.notes[1]
    system.unlink()
    with pytest.raises(CorpusError, match=r"system: no such file, but the WPR of .*x.csv:2 needs"):
        lcb.measure(path)


def test_a_word_list_without_english_words_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", csv_bytes([["m", RU, "", "okapi", "ru"]]))
    words = write(tmp_path, "words", b"THE\nOne\ncat\n")
    with pytest.raises(CorpusError, match="words: has no word in lower case of 4 or more"):
        lcb.measure(path, words=words)


def test_the_published_model_is_not_remarked_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = lcb.packaged_model()
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    path = write(tmp_path, "x.csv", csv_bytes([["m", IT, "", "okapi", "it"]]))
    monkeypatch.setattr(lcb, "PUBLISHED", digest)
    benchmark = lcb.measure(path, f"{model}@sha256:{digest[:8]}")
    assert benchmark.notes == ()
    assert f"lid:lid.176.ftz@sha256:{digest[:12]}|" in benchmark.signature


def test_another_model_is_checked(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", csv_bytes([["m", IT, "", "okapi", "it"]]))
    with pytest.raises(DetectorError, match="lingua: no such file; give the path of a fastText"):
        lcb.measure(path, "lingua")
    with pytest.raises(DetectorError, match="its sha256 begins with 8f3472cfe873, not with 000000"):
        lcb.measure(path, f"{lcb.packaged_model()}@sha256:00000000")


def test_a_missing_tokenizer_is_found_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    definitions.load_tokenizer.cache_clear()
    rows = [["m", EN, "", "okapi", "en"], ["m", "好", "", "okapi", "zh"]]
    with pytest.raises(CorpusError, match=r"x.csv:3: language zh .*pip install 'ontarget\[lcb\]'"):
        measured(tmp_path, "x.csv", csv_bytes(rows))


ROW = ["m", EN, "", "okapi", "en"]
LONG = "a" * (lcb.LONGEST_CELL + 1)
BAD: dict[str, tuple[str, bytes, str]] = {
    "another format": ("x.tsv", b"", r"x.tsv: unknown format; expected a name ending in .csv, "),
    "an empty CSV": ("x.csv", b"", "x.csv: has no rows; give"),
    "an empty JSONL": ("x.jsonl", b"", "x.jsonl: has no rows; give"),
    "a header alone": ("x.csv", csv_bytes([]), "x.csv: has no rows; give"),
    "no completion": (
        "x.csv", b"text,source,language\nno,okapi,en\n",
        "x.csv:1: no column 'completion' among text, source, language; expected completion, source",
    ),
    "a blank first line": ("x.csv", b"\n\n", "x.csv:1: no column 'completion' among nothing"),
    "a column twice": (
        "x.csv", csv_bytes([], [*HEADER, "task"]), "x.csv:1: two columns are named 'task'",
    ),
    "too few cells": (
        "x.csv", csv_bytes([ROW, ROW[:4]]), "x.csv:3: 4 cells, expected 5 as in the header; quote",
    ),
    "a quote that does not end": (
        "x.csv", csv_bytes([ROW]) + b'm,"no\nend,,okapi,en\n' + csv_bytes([ROW]),
        r"x.csv:3: not readable as CSV \(unexpected end of data\); expected",
    ),
    "text after a quote": (
        "x.csv", csv_bytes([ROW]) + b'm,"no"t,,okapi,en\n',
        r"x.csv:3: not readable as CSV \(',' expected after '\"'\); expected",
    ),
    "a long cell": (
        "x.csv", csv_bytes([ROW, ["m", LONG, "", "okapi", "en"]]),
        r"x.csv:3: not readable as CSV \(field larger than field limit \(131072\)\); expected",
    ),
    "a long string": (
        "x.jsonl", json_bytes([["m", LONG, "", "okapi", "en"]]),
        "x.jsonl:1: 131073 characters in a field, at most 131072 expected",
    ),
    "a later row after one of many lines": (
        "x.csv", csv_bytes([["m", "a\n\nb", "", "okapi", "en"], [], ["m", "", "", "", "en"]]),
        "x.csv:6: the source is ''; expected a name, and `all` stands for averages",
    ),
    "a source named all": (
        "x.csv", csv_bytes([["m", EN, "", "all", "en"]]), "x.csv:2: the source is 'all'; expected",
    ),
    "no language": (
        "x.csv", csv_bytes([["m", EN, "", "okapi", ""]]), "x.csv:2: the language is ''; expected",
    ),
    "an unknown language": (
        "x.csv", csv_bytes([ROW, ["m", EN, "", "okapi", "zh-Hans"]]),
        "x.csv:3: the detector lid.176.ftz@sha256:8f3472cfe873 has no language 'zh-Hans', so",
    ),
    "NUL": ("x.csv", csv_bytes([ROW]) + b"m,a\0b,,okapi,en\n", "x.csv:3: contains a NUL"),
    "not UTF-8": ("x.csv", csv_bytes([ROW]) + b"m,\xff,,okapi,en\n", "x.csv:3: byte 3 .*not UTF-8"),
    "not JSON": ("x.jsonl", b"{\n", "x.jsonl:1: is not JSON .*; expected an object with the"),
    "a key twice": (
        "x.jsonl", b'{"source": "a", "source": "b"}\n', "x.jsonl:1: .* 'source' occurs twice",
    ),
    "no object": ("x.jsonl", json_bytes([ROW]) + b"[]\n", "x.jsonl:2: is no object; expected an"),
    "no key": ("x.jsonl", b'{"completion": "a"}\n', "x.jsonl:1: 'source' is missing; expected"),
    "a number": (
        "x.jsonl", b'{"completion": 1, "source": "a", "language": "en"}\n',
        "x.jsonl:1: 'completion' is no string; expected",
    ),
    "NUL in JSON": (
        "x.jsonl", json_bytes([["m", "a\0", "", "okapi", "en"]]),
        "x.jsonl:1: 'completion' contains a NUL or half a surrogate pair; remove it",
    ),
    "half a pair": (
        "x.jsonl", json_bytes([["m", "\ud800", "", "okapi", "en"]]),
        "x.jsonl:1: 'completion' contains a NUL or half",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_with_its_place(tmp_path: Path, case: str) -> None:
    name, content, message = BAD[case]
    with pytest.raises(CorpusError, match=message):
        measured(tmp_path, name, content)


def test_a_missing_file_and_a_truncated_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no.csv: No such file or directory"):
        lcb.measure(tmp_path / "no.csv")
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(csv_bytes(spaced()))[:-20])
    with pytest.raises(CorpusError, match="x.csv.gz: not a complete gzip file"):
        lcb.measure(path)


def test_progress_counts_the_responses(tmp_path: Path) -> None:
    told: list[int] = []
    lcb.measure(write(tmp_path, "x.csv", csv_bytes([ROW, ROW])), tell=told.append)
    assert told == [1, 2]

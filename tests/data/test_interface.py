"""`read`, `audit` and `clean` on datasets, as the guide shows them."""

from pathlib import Path

import pytest
from datasets import Dataset, load_from_disk

import ontarget.data
from ontarget.data import Cascade, Entry, Rules, audit, clean, read
from ontarget.data.readers.phrasebook import compose_rows
from ontarget.errors import CorpusError, RecipeError

COLUMNS = ["key", "source_lang", "asked_lang", "target_lang", "source", "target"]
ROWS = list(compose_rows(("en", "it", "nl"), 1, held_out=0, train=30, glossary=0))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty rows; the second one is there twice, the last one is Dutch in place of Italian."""
    rows = [dict(row.texts) for row in ROWS]
    rows[-1]["it"] = rows[-1]["nl"]
    rows.insert(5, rows[1])
    path = tmp_path_factory.mktemp("corpus") / "train.tsv"
    lines = ["en\tit\tnl", *("\t".join((r["en"], r["it"], r["nl"])) for r in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_corpus_is_read_as_pairs_from_its_first_language(corpus: Path) -> None:
    pairs = read(corpus)
    assert pairs.column_names == COLUMNS
    assert len(pairs) == 31 * 2
    assert pairs[1] == {
        "key": "train.tsv:2/en-nl", "source_lang": "en", "asked_lang": "nl", "target_lang": "nl",
        "source": ROWS[0].texts["en"], "target": ROWS[0].texts["nl"],
    }  # fmt: skip


def test_directions_and_languages_choose_what_is_read(corpus: Path, tmp_path: Path) -> None:
    both = read([corpus], languages=["it", "nl"], directions=["it<->nl"])
    assert {(row["source_lang"], row["target_lang"]) for row in both} == {
        ("it", "nl"), ("nl", "it"),
    }  # fmt: skip
    (tmp_path / "more.csv").write_text("eng,ita_Latn\nhello,ciao\n")
    two = read([corpus, Entry(path=str(tmp_path / "more.csv"))], languages=["en", "it"])
    assert len(two) == 32 and two[31]["key"] == "more.csv:2/en-it"


def test_clean_returns_the_pairs_whose_audit_has_no_reason(corpus: Path) -> None:
    pairs = read(corpus)
    found = audit(pairs)
    assert found.column_names == [
        "key", "source_lang", "target_lang", "source", "target", "reason", "detail",
    ]  # fmt: skip
    reasons = {row["key"]: row["reason"] for row in found if row["reason"]}
    assert reasons == {
        "train.tsv:7/en-it": "duplicate",
        "train.tsv:7/en-nl": "duplicate",
        "train.tsv:32/en-it": "language",
    }
    kept = clean(pairs)
    assert kept.column_names == COLUMNS
    assert kept["key"][:] == [row["key"] for row in found if not row["reason"]]
    assert len(clean(pairs, Rules(language=False, duplicates=False))) == len(pairs)
    spared = Cascade(pairs={"it-en": Rules(language=False)})
    assert "train.tsv:32/en-it" in clean(pairs, spared)["key"][:]


def test_both_directions_of_a_kept_pair_are_kept(corpus: Path) -> None:
    pairs = read(corpus, languages=["en", "it"], directions=["en<->it"])
    kept = clean(pairs)
    assert len(kept) == 2 * (31 - 2)
    assert sorted(kept["key"][:]) == sorted(set(kept["key"][:]) & set(pairs["key"][:]))


def test_held_out_text_is_dropped_with_all_pairs_of_its_row(corpus: Path) -> None:
    pairs = read(corpus)
    held_out = [ROWS[3].texts["it"].upper() + "!", read(corpus).select([0])]
    reasons = {row["key"]: row["reason"] for row in audit(pairs, held_out=held_out)}
    leaked = {key for key, reason in reasons.items() if reason == "overlap"}
    assert leaked == {f"train.tsv:{line}/en-{code}" for line in (2, 5) for code in ("it", "nl")}


def test_a_dataset_without_keys_is_cleaned_by_row_number() -> None:
    texts = ROWS[0].texts
    row = {
        "source_lang": "en", "target_lang": "it", "source": texts["en"], "target": texts["it"],
    }  # fmt: skip
    wrong = row | {"target": texts["nl"]}
    found = audit(Dataset.from_list([row, wrong, row]))
    assert [(one["key"], one["reason"]) for one in found] == [
        ("dataset:0/en-it", ""), ("dataset:1/en-it", "language"), ("dataset:2/en-it", "duplicate"),
    ]  # fmt: skip


def test_a_pair_that_stands_twice_under_one_key_is_audited_twice() -> None:
    texts = ROWS[0].texts
    row = {
        "key": "k/1", "source_lang": "en", "target_lang": "it",
        "source": texts["en"], "target": texts["it"],
    }  # fmt: skip
    assert audit(Dataset.from_list([row, row]))["reason"][:] == ["", "duplicate"]


def test_a_file_among_held_out_texts_is_refused(corpus: Path) -> None:
    with pytest.raises(ValueError, match=r"train\.tsv is a file, not a text; give read\("):
        audit(read(corpus), held_out=[str(corpus)])


def test_a_cleaned_dataset_is_an_ordinary_one(corpus: Path, tmp_path: Path) -> None:
    kept = clean(read(corpus))
    kept.save_to_disk(str(tmp_path / "kept"))
    assert load_from_disk(str(tmp_path / "kept"))[:] == kept[:]
    again = clean(kept)
    assert again[:] == kept[:]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "a"}], "the dataset has no column 'source_lang' among text; pairs need"),
        (
            [{"source_lang": "en", "target_lang": "it", "source": None, "target": "b"}],
            "dataset:0: the source is None, no text; leave the pair out",
        ),
        (
            [
                {
                    "key": f"r/{code}",
                    "source_lang": "en",
                    "target_lang": code,
                    "source": f"not the same for {code}",
                    "target": "b",
                }
                for code in ("it", "nl")
            ],
            "r: has two texts in en; give each pair a key of its own",
        ),
    ],
)
def test_a_dataset_that_holds_no_pairs_is_refused(
    rows: list[dict[str, str | None]], message: str
) -> None:
    with pytest.raises(CorpusError, match=f"^{message}"):
        clean(Dataset.from_list(rows))


def test_a_corpus_without_pairs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.tsv").write_text("en\nhello\n")
    with pytest.raises(CorpusError, match=r"one\.tsv: has text in en only; a pair needs two"):
        read(tmp_path / "one.tsv")
    (tmp_path / "gaps.tsv").write_text("en\tit\nhello\t\n\tciao\n")
    with pytest.raises(CorpusError, match=r"gaps\.tsv: no row has both languages of en-it"):
        read(tmp_path / "gaps.tsv")


def test_the_package_names_what_it_exports() -> None:
    assert all(hasattr(ontarget.data, name) for name in ontarget.data.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        ontarget.data.nothing  # noqa: B018


def test_rules_can_be_a_mapping_and_wrong_ones_are_one_line(corpus: Path) -> None:
    pairs = read(corpus)
    expected = clean(pairs, Rules(duplicates=False, language=False))
    assert clean(pairs, {"duplicates": False, "language": False}).to_list() == expected.to_list()
    with pytest.raises(RecipeError, match=r"^rules: ratios: is no rule; did you mean ratio\?$"):
        clean(pairs, {"ratios": 3})

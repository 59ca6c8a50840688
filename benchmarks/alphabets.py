"""Make `src/ontarget/languages/alphabets.tsv` from CLDR's exemplar characters.

    npm pack cldr-misc-full && tar xzf cldr-misc-full-*.tgz
    python benchmarks/alphabets.py package/main > src/ontarget/languages/alphabets.tsv

Alphabets in Latin, Cyrillic, Arabic and Devanagari letters of the languages that lid.176 knows and
of others that CLDR has main and auxiliary letters for.
"""

import json
import sys
import unicodedata
from pathlib import Path

import regex

from ontarget.languages.tags import canonical
from ontarget.languages.writing import script_of
from ontarget.offtarget.detectors.fasttext import LABELS

SHARED = ("Latn", "Cyrl", "Arab", "Deva")  # scripts of several languages
ALSO = (
    "ak bm crh ee ff fil fo fur gsw ha haw ig kea lg lij ln ltg mi nb nn nr nso ny om rn rw se sm "
    "sn smn ss st szl tn to ts ve wo xh zu"
)
CODE = regex.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?")  # no territory


def letters_of_set(unicode_set: str) -> set[str]:
    """The lower-case letters in CLDR's notation of a set, `[a b {ch} d-f]`."""
    text = regex.sub(r"\\u([0-9A-Fa-f]{4})", lambda code: chr(int(code[1], 16)), unicode_set)
    letters = {char for char in unicodedata.normalize("NFC", text.lower()) if char.isalpha()}
    for first, last in regex.findall(r"(\p{L})-(\p{L})", text):
        letters |= {chr(code) for code in range(ord(first), ord(last) + 1)}
    return letters


def main() -> None:
    """One line a language: its code and its letters."""
    wanted = {canonical(label) for label in LABELS} | set(ALSO.split())
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        path = folder / "characters.json"
        if not path.is_file() or not CODE.fullmatch(folder.name):
            continue
        sets = json.loads(path.read_text(encoding="utf-8"))["main"][folder.name]["characters"]
        named = (sets.get(name, "") for name in ("exemplarCharacters", "auxiliary"))
        letters = set[str]().union(*map(letters_of_set, named))
        script = script_of("".join(sorted(letters)))
        if folder.name.split("-")[0] in wanted and script in SHARED:
            print(f"{folder.name}\t{''.join(sorted(letters))}")


if __name__ == "__main__":
    main()

"""Which languages are close: listed as confusable, of one branch of a family, or of one script."""

from functools import cache

from ontarget.languages.neighbours import neighbours
from ontarget.languages.tags import canonical, language_and_script, same_language
from ontarget.languages.writing import scripts_of

# Branches whose languages share much of their vocabulary, as handbooks of the families list them.
BRANCHES = (
    "af da de en fo fy gsw is lb li nb nds nl nn no sv yi",  # Germanic
    "ast ca es fr fur gl ht it lij lmo oc pt ro sc scn vec",  # Romance
    "be bg bs cs csb dsb hr hsb mk pl ru rue sh sk sl sr szl uk",  # Slavic
    "lt ltg lv",  # Baltic
    "br cy ga gd gv kw",  # Celtic
    "as awa bho bn gu hi mag mai mr ne or pa sa sd si ur",  # Indo-Aryan
    "ckb fa ku ps tg",  # Iranian
    "kn ml ta te",  # Dravidian
    "az ba crh cv kk ky sah tk tr tt ug uz",  # Turkic
    "et fi se vro",  # Finnic, with Northern Sami
    "am ar he mt ti",  # Semitic
    "bem kg ki kmb ln lg lua nd nso ny rn rw sn ss st sw tn ts umb ve xh zu",  # Bantu
    "ace ban bjn bug ceb fil id ilo jv min ms pag su war",  # Malayo-Polynesian
    "fj haw mi sm to ty",  # Oceanic
    "gan hak lzh nan wuu yue zh",  # Sinitic
    "lo shn th",  # Tai
)
BRANCH = {code: number for number, codes in enumerate(BRANCHES) for code in codes.split()}


@cache
def close_languages(code: str, languages: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `languages` that are closest to one, in their order; () if none is close.

    The first of three answers that is not empty: languages that detectors confuse with it, those of
    the same branch of a family, those with a script in common. The language itself, in another
    script or as a member of its macrolanguage, is none of them.
    """
    others = [
        other
        for other in dict.fromkeys(languages)
        if not same_language(other, code) and not same_language(code, other)
    ]
    confusable = [other for other in others if canonical(other) in neighbours(code)]
    branch = BRANCH.get(canonical(code))
    related = [o for o in others if branch is not None and BRANCH.get(canonical(o)) == branch]
    same_script = [other for other in others if scripts_of(other) & scripts_of(code)]
    return tuple(confusable or related or same_script)


@cache
def script_variants(code: str, languages: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `languages` that are the same language in another script: `sr-Latn` for `sr`."""
    language, script = canonical(code), language_and_script(code)[1]
    return tuple(
        other
        for other in dict.fromkeys(languages)
        if canonical(other) == language and language_and_script(other)[1] != script
    )

"""Close languages, told apart by words and letters that one has and the other never has.

Detectors confuse these pairs on short text. The words are frequent ones, mostly function words,
chosen from grammars of the languages, not from test sets; a word in both languages is in no list.
"""

import re
from functools import cache

from ontarget.languages.tags import canonical

# (one, other): words of the first that the second does not have, and the reverse. A word that
# begins with `-` stands for all that end so.
OWN_WORDS = {
    ("id", "ms"): (
        "karena bisa uang kantor mobil bahwa saja coba beda berbeda Agustus sepeda universitas "
        "kalian kamar kapan situs tautan beranda unduh ponsel mencoba nomor -itas -asional "
        "kantornya aktivitas",
        "kerana wang bahawa sahaja cuba beza berbeza Ogos basikal universiti hospital bilik "
        "pautan imej perkhidmatan syarikat mencuba nombor aktiviti mestilah setiausaha peribadi "
        "tarikh jumaat isnin",
    ),
    ("hr", "sr"): (
        "tko netko nitko itko uvijek gdje ovdje vrijeme mjesto prije poslije dvije dio cijeli "
        "vijest riječ riječi čovjek djeca djeteta lijepo bijeli svijet svijeta tijekom točka "
        "točno tisuća tisuće europski europska europske općina općine također glede tvrtka kruh "
        "vlak siječanj veljača ožujak travanj svibanj lipanj srpanj kolovoz rujan listopad "
        "studeni prosinac promijeniti primjer primjerice osigurati vrijednost sveučilište "
        "tjedan ljeto sljedeći sljedeće izvješće povijest",
        "ko neko niko uvek gde ovde vreme mesto pre posle dve deo celi vest reč reči čovek deca "
        "deteta lepo beli tačka tačno hiljada hiljade evropski evropska evropske opština "
        "opštine takođe vazduh hleb voz januar februar mart april maj jun jul avgust septembar "
        "oktobar novembar decembar promeniti primer obezbediti vrednost vrednosti univerzitet "
        "nedelja leto sledeći sledeće sledeća izveštaj istorija",
    ),
    ("cs", "sk"): (
        "jsem jsi jsme jste jsou není být který která které ještě také protože nebo kdyby něco "
        "někdo mezi před jen pouze může můžete musíte což -ování své svůj další více",
        "som sme sú nie byť ktorý ktorá ktoré ešte tiež pretože alebo keby niečo niekto medzi "
        "pri iba ako môže môžete čo ďalšie viac -ovanie súbor súbory keď sa ľudia",
    ),
    ("da", "nb"): (
        "af efter hvad nogle noget mig dig sig blev været uge sprog ud op mulighed anvende "
        "bruge siger gør bliver mere penge længe ligesom arbejde tage give have øjeblik afsnit "
        "eksempelvis -hed -heden",
        "etter hva noen noe meg deg seg uke språk ut opp tilbake mulighet bruke sier gjør mer "
        "penger lenge likesom arbeid gi lage øyeblikk avsnitt -het -heten måte fram forskjellig "
        "spørsmål mye",
    ),
    ("nb", "nn"): (
        "ikke jeg hvis hva noen noe mye gjøre selv hun deres fra være hvordan hver hvilke disse "
        "dere",
        "ikkje eg ein eit kva nokon noko berre mykje gjere sjølv ho deira frå dei vere korleis "
        "kvar desse kjem dykk me korkje skule heile medan einskild nokre fleire",
    ),
    ("pt", "gl"): (
        "não uma são você ção -ção -ções com também muito pelo pela até isso após então mão "
        "-ões hoje",
        "non unha vostede -ción -cións con tamén moi polo pola ata pero ó xa despois entón man "
        "hoxe coa coas cos nunha dunha dun xente ninguén persoa",
    ),
    ("hi", "mr"): (
        "है हैं और के में नहीं यह लिए था थे होता करने",
        "आहे आहेत आणि मध्ये नाही हा ही हे साठी केले करण्यासाठी किंवा आपल्या",
    ),
    ("hi", "ne"): (
        "है हैं और के में नहीं लिए था थे करने",
        "छन् हुन्छ गर्न हुनेछ हो छैन गरिएको पनि भएको गर्ने",
    ),
    ("mr", "ne"): (
        "आहे आहेत आणि मध्ये नाही साठी केले किंवा आपल्या",
        "छन् हुन्छ गर्न हुनेछ छैन गरिएको पनि भएको गर्ने",
    ),
    ("nl", "af"): (
        "ik niet zijn hebben wordt worden deze zij wij naar bij heeft jij mijn zich mij hij",
        "ek nie 'n hê hierdie sy hulle by hom vir moenie",
    ),
}  # fmt: skip


def other_of(pair: tuple[str, str], code: str) -> str:
    """The other language of a pair."""
    return pair[1] if pair[0] == code else pair[0]


@cache
def neighbours(code: str) -> tuple[str, ...]:
    """Languages that detectors confuse with this one, and that have words of their own."""
    language = canonical(code)
    return tuple(other_of(pair, language) for pair in OWN_WORDS if language in pair)


@cache
def own_words(code: str, other: str) -> re.Pattern[str] | None:
    """Matches words of `code` that `other` does not have; None where the pair is not listed."""
    one, two = canonical(code), canonical(other)
    lists = OWN_WORDS.get((one, two)) or OWN_WORDS.get((two, one), ("", ""))[::-1]
    words = lists[0].lower().split()
    if not words:
        return None
    alternatives = [word for word in words if "-" not in word]
    alternatives += [rf"[^\W\d_]{{2,}}{word[1:]}" for word in words if word[0] == "-"]
    edge = "[\\w’'\u0900-\u0903\u093a-\u094f\u0962\u0963]"  # with the vowel signs of Devanagari
    return re.compile(f"(?<!{edge})(?:{'|'.join(alternatives)})(?!{edge})")


def count_own_words(text: str, code: str, other: str) -> int:
    """How many words of `text` the one language has and the other does not."""
    pattern = own_words(code, other)
    return 0 if pattern is None else len(pattern.findall(text.lower().replace("’", "'")))

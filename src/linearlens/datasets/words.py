"""The words of texts as people have them: with HTML, any apostrophe, any script that puts blanks between words."""

import html
import re
import unicodedata
from functools import cache
from html.entities import html5

_ENTITY = re.compile(r"&(#\d+|#x[\da-f]+|\w+);", re.IGNORECASE)
_UNSEEN = re.compile(r"<(script|style)\b[^<>]*>.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_INSIDE_WORDS = re.compile(r"</?(?:a|abbr|b|em|font|i|mark|s|small|span|strong|u|wbr)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][a-z\d:-]*(?:\s[^<>]*)?/?>", re.IGNORECASE)
_APOSTROPHES = "\u2019\u2018\u201b`\u00b4\u02bc\u02b9\u2032\uff07\ua78c"


def words_of(text: str) -> list[str]:
    """Words and marks as `split_words` gives them, of a text that may be as it was found.

    Entities are decoded (also where that was forgotten twice), HTML tags dropped, letters with accents composed
    (NFC), control signs taken for what they are in Windows, ligatures and soft hyphens undone. Any apostrophe is
    taken for a straight one, and marks that belong to a letter (Hindi, Thai, Arabic with vowels) stay with it.
    Languages that put no blanks between words, such as Chinese or Thai, have to be split before. Numbers, emoji
    and other signs are dropped.

    Examples
    --------
    >>> words_of("It isn&#8217;t <i>bad</i>,<br/>&eacute;lan &amp; all")
    ['it', "isn't", 'bad', ',', 'élan', 'all']
    """
    plain = text
    while (decoded := _ENTITY.sub(_decoded, plain)) != plain:
        plain = decoded
    plain = _TAG.sub(" ", _INSIDE_WORDS.sub("", _UNSEEN.sub(" ", plain)))
    plain = unicodedata.normalize("NFC", plain.translate(_signs()).lower())
    return _pattern().findall(plain)


def _decoded(entity: re.Match) -> str:
    """What the entity stands for; itself if there is no such one (``html.unescape`` reads ``&notes;`` as ``¬es;``)."""
    known = entity[1].startswith("#") or f"{entity[1]};" in html5
    return html.unescape(entity[0]) if known else entity[0]


@cache
def _signs() -> dict[int, str]:
    """Control signs as Windows means them, which browsers do too; ligatures (ﬁ), soft hyphens and apostrophes."""
    windows = {number: bytes([number]).decode("cp1252", "ignore") for number in range(0x80, 0xA0)}
    ligatures = {number: unicodedata.normalize("NFKC", chr(number)) for number in range(0xFB00, 0xFB07)}
    apostrophes = dict.fromkeys([*map(ord, _APOSTROPHES), 0x91, 0x92], "'")
    return {**windows, **ligatures, 0xAD: "", **apostrophes}


@cache
def _pattern() -> re.Pattern:
    """The pattern of `split_words`, with marks and the joiners of Persian and Hindi after a letter."""
    joiners = "\u200c\u200d"
    marks = "".join(sign for sign in map(chr, range(0x300, 0x1F000)) if unicodedata.category(sign).startswith("M"))
    letters = rf"[^\W\d_](?:[^\W\d_]|[{marks}{joiners}])*"
    return re.compile(rf"{letters}(?:'{letters})?|[.,;:!?()]")

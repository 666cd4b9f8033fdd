"""The word filter's lists of words, particles and letters, by language."""
# ruff: noqa: RUF001, SIM905 - Cyrillic letters and words in rows on purpose

ORDINARY_WORDS = frozenset(
    # English
    "ad ah al am an and any are as at ax be but by can do eh en ex for get go had has he her hi"
    " him his how if in is it its let man may me men mr mrs ms my new no nor not now of off oh ok"
    " old on one or our out ox pen saw say see she sir so ten the too two to up us was we who why"
    " yes yet you that this with from they them then when what were will your have just like over"
    " some than into only also very near under don won isn didn doesn wasn aren couldn ain wouldn"
    " shouldn hasn hadn haven weren mustn needn"
    # German
    " ab am auf aus bei bin bis da das dem den der des die du ein eine er es hat ich ihr ihm im ist"
    " man mit nach nicht nur ob oder sie sind so um und vom von vor wie wir zu zum zur"
    # Spanish, French, Italian, Portuguese
    " al ao au aux avec che com con dans das del des di do dos du el em en es est et fue il ils je"
    " las le les lo los lui mi mis ne não nos os ou para par pas por pour que qui sa se ser ses si"
    " sin son sont su sur sus te tu um uma un una une vous"
    # Russian
    " бы во вы да до же за из на не но ну об он от по со та то ты уж что как".split()
)
"""Words that are next to others by chance: "the pen is blue" does not spell "penis"."""

LONE_WORDS = frozenset("aiouyàéвикосуя")
"""Single letters that are words."""

OWN_LETTERS = frozenset("äöüåñçşșțğčďěňřšťžąęłńśźżőűøđıãõ")
"""Marked letters that are letters of their own in some Latin alphabet, and so make another word."""

PARTICLES = frozenset(
    "가 과 까지 나 는 는데 도 들 들을 들이 를 로 로서 만 며 밖에 보다 부터 뿐 에 에게 에서 와 으로"
    " 은 을 의 이 이고 이나 이다 이랑 인 입니다 처럼 하고 하는 한 한테 적 적인".split()
)
"""Particles that Korean attaches to nouns."""

ARTICLES = frozenset("ال وال بال كال فال لل ولل و ب ل ف".split())
"""Prefixes of Arabic nouns: the article, short prepositions, and “and”."""

HEBREW_ARTICLES = frozenset("ה וה שה".split())
"""Prefixes of Hebrew nouns, without those that would make other words."""

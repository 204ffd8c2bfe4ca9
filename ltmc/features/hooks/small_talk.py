"""Prompts that ask for nothing that memory could hold: "ok", "go on", "yes please", "fix it", "thanks"."""

from ltmc.search.analysis import STOP_WORDS, words

_SMALL_TALK = frozenset(
    """
    ok okay okey kk yes yep yeah yup ya y no nope nah n sure right correct exactly agreed agree true fine good great
    nice cool perfect awesome excellent amazing well wonderful lovely lgtm done ready thanks thank thx ty cheers please
    pls plz sorry hi hello hey bye welcome wow oh ah hm hmm mhm haha lol
    go going ahead continue proceed resume keep carry next now later first last more start begin stop wait pause cancel
    abort undo redo retry repeat skip try again back yet still maybe perhaps
    do make fix change apply accept approve approved confirm confirmed reject run rerun execute commit push merge ship
    check look looks see show tell explain help think work works working happened happen seems sounds like want need
    use take give let lets got get put say said mean know
    it this that these those one ones thing things everything all both same other others way option
    job point idea question answer course problem works
    ja nein jo gut danke bitte weiter mach los genau klar stimmt super passt
    oui non merci continuez continue vas bien parfait s il te plait
    si vale gracias sigue adelante bueno claro favor sim obrigado certo grazie va bene avanti
    da net spasibo да нет спасибо дальше хорошо давай продолжай
    好 好的 是 是的 不 谢谢 继续 可以 はい いい いえ あり りが がと とう 続け けて 네 아니 니요 감사 사합 합니 니다 계속
    """.split()
)
"""Words that say how to go on and not about what; beside the words without meaning of their own."""


def asks_for_something(prompt: str) -> bool:
    """Tell whether a prompt has a word of what it is about."""
    return any(_has_meaning(word) for word in words(prompt))


def _has_meaning(word: str) -> bool:
    if word in STOP_WORDS or word in _SMALL_TALK or (word.isascii() and len(word) < 2):
        return False
    return any(char.isalpha() for char in word)

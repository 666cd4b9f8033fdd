"""`python -m bench.load.word_filter`: how long the word filter takes for the worst prompts.

Each row is a set of rules with its slowest text. Times are CPU times.
"""

import random
import time
from collections.abc import Callable, Sequence

from bench.load import word_filter_baseline
from bench.markdown import table
from core.moderation import WordRule
from core.prompts import MAX_PROMPT_LENGTH
from core.word_filter import WordFilter

MAX_RULES = 1000
SHORT = 100
"""Characters of a text that the old filter can check in a reasonable time."""

TEXTS = {
    "single letters": "a b c d e ",
    "I and 1": "I 1 ",
    "I, l and 1 in one word": "Il1",
    "U+FDFA": "\ufdfa",
    "circled letters": "Ⓐ",
    "parenthesised letters": "🄘",
    "ab ab ab": "ab ",
    "abab": "ab",
    "ilil": "il",
    "is is is": "is ",
    "Latin and Cyrillic": "aа",  # noqa: RUF001
    "combining marks": "a\u0336",
    "letters and digits": "a1",
    "letters and emoji": "a🍑",
    "Thai": "หี",
    "ordinary words": "a castle on the hill at night ",
}


def rule_sets() -> dict[str, list[str]]:
    """Rules as servers have them, and rules that are meant to be slow."""
    draw = random.Random(7)

    def words(alphabet: str, shortest: int, longest: int) -> list[str]:
        return [
            "".join(draw.choices(alphabet, k=draw.randint(shortest, longest)))
            for _ in range(MAX_RULES)
        ]

    return {
        "one word": ["nude"],
        "1,000 words": words("abcdefghijklmnopqrstuvwxyz", 4, 12),
        "1,000 words of 100 letters": words("abcd", 100, 100),
        "1,000 words of i and l": words("il", 5, 60),
        "each length of abab…bb": ["ab" * n + "bb" for n in range(1, 50)],
        "each length of isis…": ["is" * n for n in range(2, 51)],
        "1,000 phrases of a and b": [" ".join(word) for word in words("ab", 20, 50)],
    }


def seconds(check: Callable[[str], object], text: str) -> float:
    """CPU time of one check, the best of three."""
    best = float("inf")
    for _ in range(3):
        before = time.process_time()
        check(text)
        best = min(best, time.process_time() - before)
    return best


def slowest(check: Callable[[str], object], length: int) -> tuple[float, str]:
    """The time and the name of the slowest text, with this many characters per prompt list."""
    sides = {name: (piece * length)[:length] for name, piece in TEXTS.items()}
    return max((seconds(check, f"{side}\n{side}"), name) for name, side in sides.items())


def row(name: str, rules: Sequence[WordRule]) -> list[str]:
    """The row of one set of rules."""
    before = time.process_time()
    check = WordFilter(rules).first_hit
    compiling = time.process_time() - before
    took, text = slowest(check, MAX_PROMPT_LENGTH)
    short, _ = slowest(check, SHORT // 2)
    baseline, _ = slowest(lambda text: word_filter_baseline.first_hit(rules, text), SHORT // 2)
    return [
        name,
        f"{1000 * compiling:.0f} ms",
        f"{1000 * took:.1f} ms",
        text,
        f"{1000 * short:.1f} ms",
        f"{1000 * baseline:.0f} ms",
        f"{baseline / short:.0f}",
    ]


def main() -> None:
    length = 2 * MAX_PROMPT_LENGTH
    head = ["rules", "compiling", f"{length} characters", "the worst text"]
    head += [f"{SHORT} characters", f"{SHORT} before", "ratio"]
    lines = [row(name, list(map(WordRule, words))) for name, words in rule_sets().items()]
    print(table(head, lines))


if __name__ == "__main__":
    main()

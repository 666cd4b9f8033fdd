"""Decisions: every reason has a sentence of its own, in every language."""

from bot.decisions import YES, Decision, Reason, refuse
from core.i18n import languages, use_locale

PARAMETERS = {
    Reason.MISSING_PERMISSIONS: {"permissions": ("Attach Files",)},
    Reason.MAX_SIZE_REACHED: {"limit": 256},
    Reason.MODEL_NOT_OFFERED: {"model": "coco", "models": "sketch, wikiart"},
    Reason.SIZE_NOT_OFFERED: {"size": "1x1", "sizes": "64x64", "factor": 4},
    Reason.STEPS_OUT_OF_RANGE: {"least": 1, "most": 9},
    Reason.ALREADY_DONE: {"job": 7},
    Reason.ALREADY_FAILED: {"job": 7},
    Reason.ALREADY_CANCELLED: {"job": 7},
    Reason.BLOCKED: {"until": None, "because": "spam"},
    Reason.PAUSED: {"because": None},
    Reason.WRONG_CHANNEL: {"channels": (1, 2)},
    Reason.FORBIDDEN_WORD: {"found": "bad", "rule": "b*d"},
    Reason.AGE_RESTRICTED_WORD: {"found": "bad", "rule": "bad"},
    Reason.AGE_RESTRICTED_JOB: {"job": 7},
    Reason.JOB_HELD: {"job": 7},
    Reason.SIZE_LIMIT: {"size": "64x64"},
    Reason.STEPS_LIMIT: {"steps": 99},
    Reason.FILM_LIMIT: {"frames": 60},
    Reason.QUEUE_LIMIT: {"waiting": 5, "limit": 5},
    Reason.HOURLY_LIMIT: {"requests": 1, "limit": 1},
    Reason.TOO_MANY_TOGETHER: {"n": 4, "limit": 5, "waiting": 2},
    Reason.TOO_MANY_THIS_HOUR: {"n": 4, "limit": 5, "made": 2},
}


def test_every_reason_has_a_sentence_in_every_language() -> None:
    for language in ("en", *languages()):
        with use_locale(language):
            sentences = [refuse(reason, **PARAMETERS.get(reason, {})).refusal for reason in Reason]
        assert all(sentence.strip() for sentence in sentences)
        assert len({*sentences}) == len(Reason)
        assert not [sentence for sentence in sentences if "{" in sentence]


def test_only_moderators_read_which_rule_matched() -> None:
    decision = refuse(Reason.FORBIDDEN_WORD, found="b*d*", rule="b*d*")
    assert "rule" not in decision.refusal
    assert "*" not in decision.refusal
    assert decision.logged == r"“b\*d\*” matches the rule “b\*d\*”."
    assert (
        refuse(Reason.SIZE_LIMIT, size="64x64").logged
        == refuse(Reason.SIZE_LIMIT, size="64x64").refusal
    )


def test_yes_is_true_and_has_no_refusal() -> None:
    assert YES
    assert YES.refusal == ""
    assert not Decision(Reason.PAUSED)

"""What members read when their job has failed or is paused."""

import pytest

from core.discord_ui.reasons import reason_text
from core.moderation import Pause
from engine.job_messages import paused_text, reason_for
from engine.models.catalogue import WeightsError
from engine.synthesis.checkpoint import CheckpointError
from tests.queued_job import queued_job


@pytest.mark.parametrize(
    "error",
    [
        OSError(13, "Permission denied", "/srv/imagine/pictures/7"),
        OSError(28, "No space left on device", "/srv/imagine/pictures/7"),
        WeightsError("/srv/imagine/weights/last.ckpt is missing"),
        RuntimeError("DefaultCPUAllocator: /srv/imagine"),
        CheckpointError("/srv/imagine/pictures/7/state.safetensors is cut off"),
        KeyError("/srv/imagine"),
    ],
)
def test_a_reason_names_no_path(error: Exception) -> None:
    reason = reason_text(reason_for(error, queued_job().recipe, "abc123"))
    assert "srv" not in reason
    assert reason.endswith(".")


@pytest.mark.parametrize(
    ("pause", "text"),
    [
        (
            Pause(0.0, 9, "a film evening."),
            "The moderators have paused Imagine here: a film evening.",
        ),
        (Pause(0.0, 9, None, everywhere=True), "Imagine is paused on all servers."),
        (
            Pause(0.0, 9, "new disks", everywhere=True),
            "Imagine is paused on all servers: new disks.",
        ),
    ],
)
def test_a_pause_says_where_it_applies_and_why(pause: Pause, text: str) -> None:
    assert paused_text(pause, 7) == f"{text} This image is at step 7."

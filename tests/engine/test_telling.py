"""What a member is told when their picture could not be painted."""

import pytest

from engine.models.catalogue import WeightsError
from engine.synthesis.checkpoint import CheckpointError
from engine.telling import reason_for
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
def test_a_reason_tells_no_path(error: Exception) -> None:
    told = reason_for(error, queued_job().recipe, "abc123")
    assert "srv" not in told
    assert told.endswith(".")

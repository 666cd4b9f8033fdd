"""A film that travels through an image: how the view moves, and for how many frames."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field
from pydantic.dataclasses import dataclass

from core.i18n import gettext
from core.prompts import RecipeError

MIN_FRAMES, MAX_FRAMES = 10, 240
DEFAULT_FRAMES = 60
FRAMES_PER_SECOND = 20  #: of films and timelapses
DEFAULT_FRAME_STEPS, MAX_FRAME_STEPS = 2, 20


class Motion(StrEnum):
    """How the view moves from one film frame to the next."""

    ZOOM_IN = "zoom-in"
    ZOOM_OUT = "zoom-out"
    LEFT = "left"  # the view moves to the left, so the content moves to the right
    UP = "up"
    RIGHT = "right"
    DOWN = "down"
    TURN_LEFT = "turn-left"  # the content turns counterclockwise
    TURN_RIGHT = "turn-right"


@dataclass(frozen=True, slots=True)
class Film:
    """A film in the last `steps` steps of a recipe: `frame_steps` for each of `frames`."""

    motion: Motion
    frames: Annotated[int, Field(ge=MIN_FRAMES, le=MAX_FRAMES)] = DEFAULT_FRAMES
    frame_steps: Annotated[int, Field(ge=1, le=MAX_FRAME_STEPS)] = DEFAULT_FRAME_STEPS

    @classmethod
    def of(cls, motion: Motion, frames: int) -> Self:
        """A film with this many frames. Raises RecipeError if they are too few or too many."""
        if not MIN_FRAMES <= frames <= MAX_FRAMES:
            raise RecipeError(
                gettext("A film has {least} to {most} frames.", least=MIN_FRAMES, most=MAX_FRAMES)
            )
        return cls(motion, frames)

    @property
    def steps(self) -> int:
        return self.frames * self.frame_steps

    @property
    def seconds(self) -> float:
        """The playing time."""
        return self.frames / FRAMES_PER_SECOND

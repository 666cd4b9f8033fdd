"""A request to a renderer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image

from core.recipe import Recipe
from engine.synthesis.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """One job, as plain data that can be pickled and sent to another process.

    `images` maps names in the recipe to uploaded images. Outputs include scores of the `concepts`.
    """

    job_id: int
    recipe: Recipe
    images: Mapping[str, Image.Image] = field(default_factory=dict)
    source: Checkpoint | None = None  # of the job that `recipe.source` names
    concepts: tuple[str, ...] = ()
    resume_from: Checkpoint | None = None  # of this job, from before it was interrupted

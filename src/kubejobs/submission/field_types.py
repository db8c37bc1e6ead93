"""The types that the model's fields are made of: what a name, a quantity or a duration may look like."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from kubejobs.submission import patterns

TEXT_TAG, OBJECT_TAG, NUMBER_TAG, WORD_TAG = TAGS = ("[text]", "[object]", "[number]", "[word]")
"""Names of the alternatives of a field that takes several kinds; in pydantic's paths, never in ours."""


def _as_text(value: Any) -> Any:
    """Numbers and truth values as the text that a container would get; JSON and YAML authors leave out the quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _number_as_text(value: Any) -> Any:
    return value if isinstance(value, bool) else _as_text(value)


def _number_or_word(value: Any) -> str:
    return WORD_TAG if isinstance(value, str) else NUMBER_TAG


def _text_or_object(value: Any) -> str:
    return OBJECT_TAG if isinstance(value, dict | BaseModel) else TEXT_TAG


KubernetesName = Annotated[str, Field(pattern=patterns.KUBERNETES_NAME)]
ObjectName = Annotated[str, Field(pattern=patterns.OBJECT_NAME)]
ConnectionId = Annotated[str, Field(pattern=patterns.CONNECTION)]
Location = Annotated[str, Field(pattern=patterns.PRINTABLE, max_length=4096)]
ImageName = Annotated[str, Field(pattern=patterns.NO_BLANKS, max_length=1024)]
Quantity = Annotated[str, Field(pattern=patterns.QUANTITY, max_length=32), BeforeValidator(_number_as_text)]
ResourceName = Annotated[str, Field(pattern=patterns.RESOURCE, max_length=317)]
LabelKey = Annotated[str, Field(pattern=patterns.LABEL_KEY, max_length=317)]
LabelValue = Annotated[str, Field(pattern=patterns.LABEL_VALUE), BeforeValidator(_as_text)]
VariableName = Annotated[str, Field(pattern=patterns.VARIABLE, max_length=256)]
VariableValue = Annotated[str, BeforeValidator(_as_text)]
Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
ExitCode = Annotated[int, Field(strict=True, ge=1, le=255)]
Batch = Annotated[
    Annotated[int, Field(strict=True, ge=1, le=patterns.MAX_BATCH), Tag(NUMBER_TAG)]
    | Annotated[Literal["auto"], Tag(WORD_TAG)],
    Discriminator(_number_or_word),
]


class Strict(BaseModel):
    """A frozen section of the submission that takes no unknown field."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class PrioritizedItem(Strict):
    """An inline item that is worked on before those of lower priorities."""

    item: str = Field(description="The item itself.")
    priority: Count = Field(0, ge=0, le=patterns.HIGHEST_PRIORITY, description="From 0 to 9; higher ones come first.")


InlineItem = Annotated[
    Annotated[str, Tag(TEXT_TAG)] | Annotated[PrioritizedItem, Tag(OBJECT_TAG)], Discriminator(_text_or_object)
]

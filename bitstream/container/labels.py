"""What a file says of itself as a whole: tags such as its title, and chapters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

import av
from av.stream import Stream

# Tags that MP4 holds, by FFmpeg's names.
_KEPT = frozenset(
    {
        "title",
        "artist",
        "album_artist",
        "author",
        "composer",
        "album",
        "date",
        "creation_time",
        "comment",
        "genre",
        "copyright",
        "grouping",
        "lyrics",
        "description",
        "synopsis",
        "show",
        "episode_id",
        "network",
        "keywords",
    }
)
# Of the file rather than of what is in it; they are another file's with every copy.
_OF_THE_FILE = frozenset(
    {
        "major_brand",
        "minor_version",
        "compatible_brands",
        "encoder",
        "duration",
        "handler_name",
        "vendor_id",
    }
)
_NO_LANGUAGE = "und"
_TITLE_TIME_BASE = Fraction(1, 1000)
_MOST_CHAPTERS = 255  # that MP4's list of chapters holds


@dataclass(frozen=True)
class Chapter:
    """A part with a title, in seconds."""

    begin: Fraction
    end: Fraction
    title: str


@dataclass(frozen=True)
class Labels:
    """What a file says of itself.

    tags: by FFmpeg's names, in small letters.
    location: where it was recorded, as ISO 6709 has it; None where that is not said.
    chapters: in order.
    left_out: names of tags that MP4 cannot hold.
    track_tags: language and title of the video track, where it has them.
    """

    tags: dict[str, str] = field(default_factory=dict)
    location: str | None = None
    chapters: tuple[Chapter, ...] = ()
    left_out: tuple[str, ...] = ()
    track_tags: dict[str, str] = field(default_factory=dict)
    _left_out_on_purpose: tuple[str, ...] = ()

    @classmethod
    def of(cls, container: av.container.InputContainer, video: Stream | None = None) -> Labels:
        """The labels of an open file, and of its video track."""
        tags, location, left_out = {}, None, []
        for name, value in container.metadata.items():
            name = name.lower()
            if "location" in name.split("-")[0].split("."):
                location = location or value
            elif name in _KEPT:
                tags[name] = value
            elif name not in _OF_THE_FILE:
                left_out.append(name)
        chapters = tuple(_chapters(container))
        track_tags = {} if video is None else track_tags_of(video)
        return cls(tags, location, chapters, tuple(left_out), track_tags)

    @property
    def lost(self) -> list[str]:
        """What of it an MP4 file does not hold, a line each."""
        lines = list(self._left_out_on_purpose)
        if self.left_out:
            lines.append(f"tags {', '.join(self.left_out)}: MP4 cannot hold them")
        if len(self.chapters) > _MOST_CHAPTERS:
            lines.append(f"chapters after the first {_MOST_CHAPTERS}: MP4 cannot hold them")
        return lines

    def with_comment(self, lines: Iterable[str], *, first: bool = False) -> Labels:
        """The same with lines added to the comment, before or after what it says itself."""
        comment = [self.tags["comment"]] if self.tags.get("comment") else []
        joined = [*lines, *comment] if first else [*comment, *lines]
        return replace(self, tags=self.tags | {"comment": "\n".join(joined)}) if joined else self

    def without_location(self) -> Labels:
        """The same, not saying where it was recorded; ``lost`` says so."""
        if self.location is None:
            return self
        reason = "where it was recorded: people publish files, and --keep-location keeps it"
        return replace(self, location=None, _left_out_on_purpose=(reason,))

    def cut(self, begin: Fraction, end: Fraction) -> Labels:
        """Those of a part, in seconds, whose time begins at 0."""
        chapters = tuple(
            Chapter(max(one.begin, begin) - begin, min(one.end, end) - begin, one.title)
            for one in self.chapters
            if one.begin < end and one.end > begin
        )
        return replace(self, chapters=chapters)

    def write(self, output: av.container.OutputContainer) -> None:
        """Give them to an output that has no packets yet."""
        output.metadata.update(self.tags)
        if self.location is not None:
            output.metadata["location"] = self.location
        if self.chapters:
            output.set_chapters(
                [
                    {
                        "id": number,
                        "start": round(one.begin / _TITLE_TIME_BASE),
                        "end": round(one.end / _TITLE_TIME_BASE),
                        "time_base": _TITLE_TIME_BASE,
                        "metadata": {"title": one.title},
                    }
                    for number, one in enumerate(self.chapters[:_MOST_CHAPTERS], 1)
                ]
            )


def track_tags_of(stream: Stream) -> dict[str, str]:
    """Language and title of a track, by FFmpeg's names, where it has them."""
    tags = stream.metadata
    # MP4 calls the title of a track its name
    texts = {"language": tags.get("language"), "title": tags.get("title", tags.get("name"))}
    return {key: value for key, value in texts.items() if value and value != _NO_LANGUAGE}


def _chapters(container: av.container.InputContainer) -> Iterable[Chapter]:
    for one in container.chapters():
        base = one["time_base"]
        if base is not None and one["start"] < one["end"]:
            title = one["metadata"].get("title", "")
            yield Chapter(one["start"] * base, one["end"] * base, title)

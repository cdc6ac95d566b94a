"""A folder per class, as ImageNet, Speech Commands and most home-made sets have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from t2t_mm.data.sources.readers.lines import numbered_lines
from t2t_mm.data.sources.readers.media import ENDINGS, media_value
from t2t_mm.data.sources.readers.reader import Reader, Roots, Row
from t2t_mm.data.sources.readers.selection import files_under
from t2t_mm.errors import DataError


@dataclass(frozen=True, kw_only=True)
class ClassFolders(Reader):
    """Images or recordings at any depth below the folder of their class.

    Attributes:
      path: the folder of the classes' folders.
      names: a file of "folder<TAB>readable name" lines, such as ImageNet's words.txt; without it a
        class has its folder's name.
      files: globs or ranges of files to take; none for all.
    """

    INPUTS = ("image", "audio")
    TARGETS = ("label",)

    path: str
    names: str | None = None
    files: tuple[str, ...] = ()

    def rows(self, roots: Roots, training: bool) -> Iterator[Row]:
        del training  # a file has one class
        readable = self._readable(roots)
        for name, path in files_under(roots.find(self.path), ENDINGS[self.medium], self.files):
            folder, slash, _ = name.partition("/")
            if not slash:
                raise DataError(f"{path} lies in no class's folder; move it into one.")
            if self.names and folder not in readable:
                raise DataError(f"{self.names} has no line for the folder '{folder}'.")
            place = f"{self.path}/{name}"
            value = media_value(path, place)
            yield Row(place, value, readable.get(folder, folder), group=name)

    def _readable(self, roots: Roots) -> dict[str, str]:
        """Folder -> name. A name that several folders have gets the folder in parentheses."""
        if not self.names:
            return {}
        found: dict[str, str] = {}
        for number, line in numbered_lines(roots.find(self.names)):
            folder, tab, name = line.partition("\t")
            if not tab or not name.strip():
                raise DataError(f"{self.names}, line {number} must be 'folder<TAB>name'.")
            found[folder.strip()] = name.strip()
        count = Counter(found.values())
        return {
            folder: name if count[name] == 1 else f"{name} ({folder})"
            for folder, name in found.items()
        }

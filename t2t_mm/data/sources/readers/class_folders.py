"""A folder per class, as ImageNet, Speech Commands and most home-made sets have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from t2t_mm.data.sources.readers.lines import numbered_lines
from t2t_mm.data.sources.readers.media import endings, media_item
from t2t_mm.data.sources.readers.reader import Reader, Roots, Row
from t2t_mm.data.sources.readers.selection import files_under, is_excluded, listing, notes_under
from t2t_mm.errors import DataError
from t2t_mm.files.names import same_form
from t2t_mm.problem import Broken, SourceNote


@dataclass(frozen=True, kw_only=True)
class ClassFolders(Reader):
    """Images or recordings at any depth below the folder of their class.

    Attributes:
      path: the folder of the classes' folders.
      names: a file of "folder<TAB>readable name" lines, such as ImageNet's words.txt; without it a
        class has its folder's name.
      files: globs or ranges of files to take; none for all.
      exclude: globs of files and folders to leave out, e.g. "_background_noise_".
    """

    INPUTS = ("image", "audio")
    TARGETS = ("label",)

    path: str
    names: str | None = None
    files: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def items(self, roots: Roots, training: bool) -> Iterator[Row | Broken]:
        del training  # a file has one class
        readable = self._readable(roots)
        found = files_under(roots.find(self.path), endings(self.medium), self.files, self.exclude)
        for name, path in found:
            place = f"{self.path}/{name}"
            folder, slash, _ = name.partition("/")
            value = media_item(path, place)
            if not slash:
                sentence = f"{path} lies in no class's folder; move it into one."
                yield Broken("files outside of the classes' folders", sentence, place)
            elif self.names and folder not in readable:
                sentence = f"{self.names} has no line for the folder '{folder}'."
                yield Broken(f"folder without a line in {self.names}", sentence, place)
            elif isinstance(value, Broken):
                yield value
            else:
                yield Row(place, value, readable.get(folder, folder), group=name)

    def notes(self, roots: Roots) -> list[SourceNote]:
        folder = roots.find(self.path)
        notes = notes_under(folder, endings(self.medium), self.exclude, self.path)
        there = listing(folder)
        names = [name for name in there.files if not is_excluded(name, self.exclude)]
        read = [name for name in names if name.lower().endswith(endings(self.medium))]
        classes = {same_form(name.partition("/")[0]) for name in read if "/" in name}
        lost = {same_form(name.rstrip("/")) for name in there.folders if name.count("/") == 1}
        lost = {name for name in lost - classes if not is_excluded(name, self.exclude)}
        marked = sorted(name for name in classes if name.startswith("_"))
        if lost:
            what = "folders without a file that is read are no classes"
            notes.append(SourceNote(what, tuple(f"{self.path}/{name}" for name in sorted(lost))))
        if marked:
            what = f'folders that begin with "_" are classes, unless exclude = "{marked[0]}"'
            notes.append(SourceNote(what, tuple(f"{self.path}/{name}" for name in marked)))
        return notes

    def _readable(self, roots: Roots) -> dict[str, str]:
        """Folder -> name. A name that several folders have gets the folder in parentheses."""
        if not self.names:
            return {}
        found: dict[str, str] = {}
        for number, line in numbered_lines(roots.find(self.names)):
            folder, tab, name = line.partition("\t")
            if not tab or not name.strip():
                raise DataError(f"{self.names}, line {number} must be 'folder<TAB>name'.")
            folder, name = same_form(folder.strip()), same_form(name.strip())
            if found.get(folder, name) != name:
                raise DataError(
                    f"{self.names}, line {number} gives the folder '{folder}' another name than a "
                    "line before; remove one of them."
                )
            found[folder] = name
        count = Counter(found.values())
        return {
            folder: name if count[name] == 1 else f"{name} ({folder})"
            for folder, name in found.items()
        }

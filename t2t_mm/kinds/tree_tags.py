"""Trees without their words on one line, as T2T and Vinyals et al. (arXiv 1412.7449) write them.

"(S (NP (DT the) (NN dog)) (VP (VBZ barks)))" over "the dog barks" is "NP DT NN /NP VP VBZ /VP" in
an S: one symbol opens a constituent, one closes it, and one stands for each word. A parser then
need not copy words, and its vocabulary of outputs is some hundred symbols.

Unlike T2T, the outermost constituent is written too, since cleaned trees have no TOP to strip.
"""

from __future__ import annotations

from collections.abc import Sequence

from t2t_mm.errors import DataError
from t2t_mm.kinds.trees import ParseTree

_CLOSE = "/"


def write(tree: ParseTree) -> str:
    """The symbols of a tree joined by spaces; `read` gives the same tree back, given its words.

    Raises:
      DataError: for a word without a tag of its own, or labels that would not come back: one that
        begins with "/", or a tag that equals its constituent's label.
    """
    symbols: list[str] = []
    _write(tree, symbols, parent="")
    return " ".join(symbols)


def _write(tree: ParseTree, symbols: list[str], parent: str) -> None:
    if not tree.label or tree.label.startswith(_CLOSE):
        raise DataError(f"the label '{tree.label}' cannot stand in a tree without words.")
    if _is_tag(tree):
        if tree.label == parent:
            raise DataError(f"a word's tag is '{parent}', the label of its constituent.")
        symbols.append(tree.label)
        return
    symbols.append(tree.label)
    for child in tree.children:
        if isinstance(child, str):
            raise DataError(f"'{child}' has no tag; a tree without words needs one for each.")
        _write(child, symbols, tree.label)
    symbols.append(_CLOSE + tree.label)


def _is_tag(tree: ParseTree) -> bool:
    return len(tree.children) == 1 and isinstance(tree.children[0], str)


def read(line: str, words: Sequence[str] | None = None) -> ParseTree:
    """The tree that a line of symbols stands for.

    Args:
      line: as `write` gives it.
      words: of the sentence; None puts each word's tag in its place.

    Raises:
      DataError: if constituents do not nest, one is empty or left open, there is not exactly one
        outermost constituent, or the tags are not as many as the words.
    """
    # From the right, a closing symbol tells which of the symbols before it opens the constituent.
    open_labels: list[str] = []
    levels: list[list[ParseTree | str]] = [[]]
    remaining = list(words) if words is not None else None
    for symbol in reversed(line.split()):
        if symbol.startswith(_CLOSE):
            open_labels.append(symbol.removeprefix(_CLOSE))
            levels.append([])
        elif open_labels and symbol == open_labels[-1]:
            children = tuple(reversed(levels.pop()))
            if not children:
                raise DataError(f"the constituent '{symbol}' is empty.")
            levels[-1].append(ParseTree(open_labels.pop(), children))
        else:
            levels[-1].append(ParseTree(symbol, (_last(remaining, symbol),)))
    if open_labels:
        raise DataError(f"'/{open_labels[-1]}' closes a constituent that was never opened.")
    if remaining:
        raise DataError(f"the tree has {len(remaining)} tags fewer than the sentence has words.")
    (top,) = levels
    if len(top) != 1 or not isinstance(top[0], ParseTree):
        raise DataError(f"expected one outermost constituent and found {len(top)}.")
    return top[0]


def _last(remaining: list[str] | None, tag: str) -> str:
    if remaining is None:
        return tag
    if not remaining:
        raise DataError("the tree has more tags than the sentence has words.")
    return remaining.pop()


def read_leniently(line: str) -> list[ParseTree]:
    """The trees that a line was perhaps meant to be, for scoring what a model wrote.

    A symbol whose closing one occurs somewhere in the line opens a constituent. A closing symbol
    closes the innermost open constituent of its label and what is open in it; one that closes
    nothing is left out, as are empty constituents; the end closes the rest. Vinyals et al. (arXiv
    1412.7449, section 3.2) likewise add brackets at either end of an unbalanced output. Of a line
    that `read` accepts it is the same tree, unless one of its tags is the label of a constituent:
    here that is an opening symbol without its closing one, as it mostly is in what a model wrote.

    Returns:
      Trees side by side, with each word's tag in its place; none of an empty line.
    """
    symbols = line.split()
    labels = {symbol.removeprefix(_CLOSE) for symbol in symbols if symbol.startswith(_CLOSE)}
    stack: list[tuple[str, list[ParseTree | str]]] = [("", [])]

    def close() -> None:
        label, children = stack.pop()
        if children:
            stack[-1][1].append(ParseTree(label, tuple(children)))

    for symbol in symbols:
        if symbol in labels:
            stack.append((symbol, []))
        elif not symbol.startswith(_CLOSE):
            stack[-1][1].append(ParseTree(symbol, (symbol,)))
        elif (label := symbol.removeprefix(_CLOSE)) in [opened for opened, _ in stack[1:]]:
            while stack[-1][0] != label:
                close()
            close()
    while len(stack) > 1:
        close()
    return [tree for tree in stack[0][1] if isinstance(tree, ParseTree)]

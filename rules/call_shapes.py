"""The file hotline.yaml of a pack: what the district's hotline software calls the particulars of a call, and whose voice is whose.

names:
  call_id: task.id               # of nested JSON with dots; beside the names that are always tried
  turns: [result.sentences]
  speaker: role_id
  text: sentence
  at_ms: begin                   # milliseconds; at: seconds
speakers:
  agent: ["0", 左声道]
  caller: ["1", 右声道]
"""

from __future__ import annotations

from rules.packfiles import Node, Reader
from store.model.petition import CALL_PARTICULARS, CallShape, Speaker

_LONGEST = 60


def read_call_shape(root: Node | None, reader: Reader) -> CallShape:
    """Return the shape that the file describes; without a file nothing but the usual names is known."""
    if root is None:
        return CallShape()
    entries = reader.table(root, ("names", "speakers"))
    names = reader.table(entries["names"], CALL_PARTICULARS) if "names" in entries else {}
    voices = reader.table(entries["speakers"], tuple(speaker.value for speaker in Speaker)) if "speakers" in entries else {}
    return CallShape(
        names={name: _words(node, reader, "名称") for name, node in names.items()},
        speakers={word.lower(): Speaker(who) for who, node in voices.items() for word in _words(node, reader, "说话人的写法")},
    )


def _words(node: Node, reader: Reader, what: str) -> tuple[str, ...]:
    return reader.several(node, lambda item: reader.text(item, longest=_LONGEST), what=what)

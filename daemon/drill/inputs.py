"""What comes in during a drill and lies elsewhere, or came another way than its ending says: `inputs.yaml`.

- {case: 市政工程款, at: 2024-09-29 16:18, file: ../../golden/inputs/B-003.eml}
- {case: 商会收费, at: 2024-09-27 10:11:37, file: B-002.json, channel: hotline}   # of store.model.arrival.Channel
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from daemon.drill.events import moment_in
from daemon.rehearsal import Message, channel_of
from rules.packfiles import Node, Problems, Reader, read_yaml
from store.model.arrival import Channel
from store.trouble import reason

_KEYS = ("case", "at", "file", "channel")
_LONGEST = 400


def read_inputs(raw: bytes, name: str, zone: ZoneInfo, problems: Problems, content: Callable[[Path], bytes]) -> list[Message]:
    """Return what the file *name* lists; *content* reads a file of the drill's folder. Moments without a zone are of *zone*."""
    root = read_yaml(raw, name, problems)
    if root is None:
        return []
    reader = Reader(problems)
    return [one for node in reader.items(root, what="来件") if (one := _input(node, zone, reader, content)) is not None]


def _input(node: Node, zone: ZoneInfo, reader: Reader, content: Callable[[Path], bytes]) -> Message | None:
    entries = reader.table(node, _KEYS, ("case", "at", "file"))
    said = {key: reader.text(entries[key], longest=_LONGEST) or "" for key in ("case", "at", "file") if key in entries}
    at = moment_in(entries["at"], said["at"], zone, reader) if "at" in entries else None
    channel = reader.choice(entries["channel"], [one.value for one in Channel], "渠道") if "channel" in entries else None
    if at is None or not all(said.get(key) for key in ("case", "file")):
        return None
    file = Path(said["file"])
    try:
        raw = content(file)
    except OSError as error:
        reader.problems.add(entries["file"], f"打不开 {file}：{reason(error)}", "写相对于演练目录的路径")
        return None
    return Message(source=said["case"], channel=Channel(channel) if channel else channel_of(file), received_at=at, raw=raw)

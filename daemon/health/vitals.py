"""The live state of the service, and whether it is well: the checks behind `/healthz` and `/readyz`, in Chinese."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from daemon.health.pulse import LoopPulse
from store.errors import StoreUnavailableError
from store.figures import Figures, figures

if TYPE_CHECKING:
    from daemon.wiring import House

_FRESH_S = 3.0  # how long an answer of the database is told again: many may ask, one asks it
_PATIENCE_S = 5.0
_FAILING = timedelta(minutes=15)  # a provider may be away for a while without anybody being called


class Mailbox(Protocol):
    """What a polled mailbox tells of itself."""

    @property
    def name(self) -> str:
        """The operator's name for it."""
        ...

    @property
    def polled_at(self) -> datetime | None:
        """When it was last polled to the end, None where never."""
        ...

    @property
    def failing_since(self) -> datetime | None:
        """Since when every poll has failed, None where the last one did not."""
        ...

    @property
    def unaccounted(self) -> int:
        """How many messages on the server are not in our ledger."""
        ...

    @property
    def errors(self) -> int:
        """How many polls have failed since the start."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at: `id` for programs, the rest for people."""

    id: str
    name: str
    ok: bool
    detail: str


class Vitals:
    """What the running service knows of itself. `figures` are those of the last `refresh`, None where the database did not answer."""

    def __init__(self, house: House) -> None:
        """Watch *house*; nothing runs before `loop.run`."""
        self.loop = LoopPulse()
        self.doors: dict[str, bool] = {}
        self.figures: Figures | None = None
        self._house = house
        self._schema = ""
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def refresh(self) -> None:
        """Ask the database what waits, unless that was done just now. Never raises for a database that is away."""
        async with self._asking:
            if time.monotonic() - self._asked_at < _FRESH_S:
                return
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    self.figures = await figures(self._house.stores.database)
            except (StoreUnavailableError, TimeoutError):
                self.figures = None
            self._asked_at = time.monotonic()
            if self.figures is not None:
                self._schema = self._schema or self.figures.schema  # the first answer is that of our own upgrade

    def status(self) -> str:
        """Return in a line how things stand, for `systemctl status`."""
        known = self.figures
        if known is None:
            return "数据库不能用，来件请对方稍后重投"
        waiting = f"待办 {known.undecided}，隔离 {known.quarantined}，待发 {known.queued + known.deferred}，等人审核 {known.review}"
        problems = [check.name for check in self.readiness() if not check.ok]
        return f"{waiting}{'；有问题：' + '、'.join(problems) if problems else ''}"

    def liveness(self) -> list[Check]:
        """Return whether the parts get on; where one does not, only a restart helps."""
        pulses = [("loop", "主循环", self.loop), ("pipeline", "办件", self._house.pipeline.pulse)]
        return [Check(id=id_, name=name, ok=pulse.is_fresh, detail=f"{pulse.age_s:.0f} 秒前有进展") for id_, name, pulse in pulses]

    def readiness(self) -> list[Check]:
        """Return whether the service can do its work; where it cannot, the detail says what to do."""
        return [*self.liveness(), *self._database(), *self._doors(), *self._engines(), *self._mailboxes()]

    def _database(self) -> Iterator[Check]:
        known = self.figures
        detail = "能读" if known else "没有应答：检查磁盘空间、数据库文件或数据库服务器"
        yield Check(id="database", name="数据库", ok=known is not None, detail=detail)
        if known is not None:
            ok = known.schema == self._schema
            detail = f"版本 {known.schema}" if ok else f"已被改为 {known.schema}：请把本程序升级到同一版本后重新启动"
            yield Check(id="schema", name="表结构", ok=ok, detail=detail)

    def _doors(self) -> Iterator[Check]:
        shut = sorted(door for door, is_open in self.doors.items() if not is_open)
        detail = f"已关：{'、'.join(shut)}" if shut else f"开着：{'、'.join(self.doors)}" if self.doors else "还没有打开"
        yield Check(id="doors", name="收件的门", ok=bool(self.doors) and not shut, detail=detail)

    def _engines(self) -> Iterator[Check]:
        for id_, room in self._house.rooms.items():
            detail = f"改用内置判断：{room.engine.degraded}" if room.engine.degraded else "正常"
            yield Check(id=f"engine.{id_}", name=f"推理引擎（{id_}）", ok=not room.engine.degraded, detail=detail)

    def _mailboxes(self) -> Iterator[Check]:
        now = self._house.now()
        for box in self._house.mailboxes:
            since = box.failing_since
            if since is not None and now - since > _FAILING:
                detail = f"已有 {(now - since) // timedelta(minutes=1)} 分钟取不到信：执行 zuozhen doctor 查看原因"
            elif box.unaccounted:
                detail = f"服务器上有 {box.unaccounted} 封没有入账：执行 zuozhen reconcile 查看"
            else:
                yield Check(id=f"mailbox.{box.name}", name=f"邮箱（{box.name}）", ok=True, detail="对得上账")
                continue
            yield Check(id=f"mailbox.{box.name}", name=f"邮箱（{box.name}）", ok=False, detail=detail)


def as_json(checks: Sequence[Check]) -> dict[str, object]:
    """Return *checks* as a monitor reads them."""
    return {"ok": all(check.ok for check in checks), "checks": [asdict(check) for check in checks]}

"""Examines one mailbox: login, what its server can, folders, room, clock, certificate."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from channels.imap import Connection
from channels.imap_watch import Mailbox
from daemon.doctor.certificate import validity
from daemon.doctor.finding import Finding, fine, hint, trouble
from store.errors import CommandRefusedError, ConfigError, LoginRefusedError, TemporaryError

_SKEW = timedelta(minutes=2)
_MANY = 500  # messages of a past that hardly anybody wants to be registered as petitions
_FULL, _ALMOST = 95, 80  # per cent of the room
_MISSING = {
    "IDLE": "服务器不支持 IDLE，新来件要等到下一次收取（最多 {poll} 秒）",
    "UIDPLUS": "服务器不支持 UIDPLUS",
    "ID": "服务器不支持 ID",
}


def examine_mailbox(mailbox: Mailbox, now: datetime) -> Iterator[Finding]:
    """Yield what is to be said of *mailbox*. Blocks; folders are opened read-only."""
    about = f"邮箱 {mailbox.treatments[0].mailbox}"
    try:
        connection = Connection.open(mailbox.account, mailbox.password())
    except LoginRefusedError as error:
        yield trouble(about, str(error), "改口令文件；163、QQ 等在网页邮箱的设置里开启 IMAP，生成授权码")
        return
    except ConfigError as error:
        yield trouble(about, str(error))
        return
    except TemporaryError as error:
        yield trouble(about, str(error), "检查 host、port、security，以及本机到该服务器的网络和防火墙")
        return
    try:
        yield fine(about, f"能登录{_who(connection)}")
        yield from _of_server(about, connection, mailbox)
        yield from _of_folders(about, connection, mailbox, now)
        if mailbox.account.security == "none":
            yield trouble(about, "用明文登录，口令和来件在路上谁都能看到", "改 security 为 tls 或 starttls；只有服务器就在本机时才可以不改")
        else:
            yield validity(about, connection.certificate_ends(), now)
    except TemporaryError as error:
        yield trouble(about, f"检查到一半中断：{error}", "再执行一次；反复如此，请找服务商")
    finally:
        connection.close()


def _who(connection: Connection) -> str:
    name = " ".join(filter(None, (connection.identity.get("name"), connection.identity.get("version"))))
    return f"（服务器自称 {name[:60]}）" if name else ""


def _of_server(about: str, connection: Connection, mailbox: Mailbox) -> Iterator[Finding]:
    has = [word for word in ("ID", "IDLE", "MOVE", "UIDPLUS", "QUOTA") if word in connection.abilities]
    yield fine(about, f"服务器支持：{'、'.join(has) or '（无扩展）'}")
    for ability, words in _MISSING.items():
        if ability not in connection.abilities:
            yield hint(about, words.format(poll=int(mailbox.poll.total_seconds())))
    moves = any(treatment.after.kind == "move" for treatment in mailbox.treatments)
    if moves and not {"MOVE", "UIDPLUS"} & connection.abilities:
        yield trouble(about, "服务器既不支持 MOVE 也不支持 UIDPLUS，不能移走来件，只会加标记", '把 after 改为 "seen" 或 "flag"')


def _of_folders(about: str, connection: Connection, mailbox: Mailbox, now: datetime) -> Iterator[Finding]:
    for treatment in mailbox.treatments:
        try:
            selected = connection.select(treatment.folder, to_change=False)
        except CommandRefusedError as error:
            yield trouble(
                about, f"文件夹“{treatment.folder}”打不开：{error}", "核对 folders 里的名字（收件箱写 INBOX），或在网页邮箱里建好"
            )
            continue
        yield fine(about, f"文件夹“{treatment.folder}”有 {selected.exists} 封")
        if selected.exists > _MANY and treatment.begin is None and treatment.after.kind != "move":
            message = f"“{treatment.folder}”里有 {selected.exists} 封，没有写 begin：还没收过的会全部作为来件登记、回执"
            yield hint(about, message, "只想收某一天以后的，在第一次启动之前写 begin = 年-月-日")
        yield from _of_moment(about, connection, now)
        if not connection.takes_charset():
            yield fine(about, "服务器不接受带字符集的搜索；本系统不用，不受影响")
    target = mailbox.treatments[0].after.move_to
    if target and not connection.folder_exists(target):
        yield trouble(about, f"要移到的文件夹“{target}”不存在，来件收妥后移不走", "在网页邮箱里建好这个文件夹")
    yield from _of_room(about, connection, mailbox.treatments[0].folder)


def _of_moment(about: str, connection: Connection, now: datetime) -> Iterator[Finding]:
    newest = connection.newest_came()
    if newest and newest - now > _SKEW:
        minutes = (newest - now) // timedelta(minutes=1)
        yield trouble(about, f"最新一封的到达时间比本机时钟快 {minutes} 分钟", "校准本机时钟（timedatectl set-ntp true）；期限按时钟计算")


def _of_room(about: str, connection: Connection, folder: str) -> Iterator[Finding]:
    quota = connection.quota(folder)
    if quota is None or not quota[1]:
        return
    used, allowed = quota
    percent = used * 100 // allowed
    words = f"邮箱空间用了 {percent}%（{used // 1024} / {allowed // 1024} 兆字节）"
    if percent >= _FULL:
        yield trouble(about, f"{words}，满了之后企业的来信会被退回", "清理旧邮件，或请服务商扩容")
    elif percent >= _ALMOST:
        yield hint(about, words, "准备清理或扩容")
    else:
        yield fine(about, words)

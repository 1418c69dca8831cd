"""The shape of `zuozhen.toml` and of the address file beside it; the only module that knows their keys."""

from __future__ import annotations

import ipaddress
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

MIB = 1 << 20
_ADDRESS = re.compile(r"[^\s@<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,253}")
_GATEWAY = re.compile(r"[^\s@<>,;:\"]{0,64}@[A-Za-z0-9.-]{1,253}")
_LISTEN = re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):(\d{1,5})")
_MAX_PORT = 65_535
_AUTHSERV = "前面的收信服务器在 Authentication-Results 里的自称；写了才采信它对发件人真伪的检验，别的一律不算"


def _mail_address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise PydanticCustomError("address", "不是邮箱地址")
    local, _, domain = value.rpartition("@")
    return f"{local}@{domain.lower()}"


def _listen(value: str) -> str:
    if value.startswith("unix:/"):
        return value
    match = _LISTEN.fullmatch(value)
    if not match or int(match[2]) > _MAX_PORT:
        raise PydanticCustomError("listen", "应写成“地址:端口”（端口 0 至 65535），如 127.0.0.1:8025")
    return value


MailAddress = Annotated[str, AfterValidator(_mail_address)]
Listen = Annotated[str, AfterValidator(_listen)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSection(_Section):
    """[store]: where everything is kept."""

    url: str = Field(
        "sqlite:///data/zuozhen.db",
        description="数据库地址，sqlite:///文件 或 postgresql://用户@主机/库名；相对路径从配置文件所在目录算起",
    )
    password_file: Path | None = Field(None, description="PostgreSQL 的口令文件（权限应为 600）")
    credential: str | None = Field(None, description="systemd 凭据名（LoadCredential=），内容是 PostgreSQL 的口令")


class DoorSection(_Section):
    """[smtp] and [lmtp]: a door through which mail servers hand mail in."""

    listen: Listen = Field(description="监听地址，如 0.0.0.0:25；LMTP 也可写 unix:/run/zuozhen/lmtp.sock")
    max_size_mb: int = Field(50, ge=1, le=200, description="单封来件上限（兆字节）")
    hostname: str = Field("", description="对外自称的主机名；留空则取本机名")
    certificate: Path | None = Field(None, description="TLS 证书（PEM）；给出后提供 STARTTLS")
    key: Path | None = Field(None, description="TLS 私钥（PEM）")
    require_tls: bool = Field(default=False, description="不加密的连接一律不收")
    authserv_id: str = Field("", max_length=200, description=_AUTHSERV)

    @model_validator(mode="after")
    def _tls_complete(self) -> DoorSection:
        if (self.certificate is None) != (self.key is None):
            raise PydanticCustomError("tls_pair", "certificate 与 key 必须成对给出")
        if self.require_tls and self.certificate is None:
            raise PydanticCustomError("tls_missing", "require_tls = true 时必须给出 certificate 与 key")
        return self


class SenderCheckSection(_Section):
    """[sender_check]: our own check of who wrote a mail that comes in at the SMTP door; none without this section."""

    relays: tuple[str, ...] = Field(
        (), description="前面的收信服务器的地址或网段，如 10.1.2.3、10.1.2.0/24；它们转来的信不由本系统检验（它们的结论见 authserv_id）"
    )
    nameservers: tuple[str, ...] = Field((), description="域名服务器，如 10.1.2.53 或 10.1.2.53:5353；不写则用本机所用的")
    seconds: float = Field(10, ge=1, le=60, description="检验一封信最多等域名服务器多少秒；等不到的记“查不到”，信照常办")
    sealers: tuple[str, ...] = Field((), description="转信时改动正文、但其 ARC 封印可信的域名，如 lists.example.gov.cn；不写则一概不认")

    @field_validator("relays")
    @classmethod
    def _networks(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            try:
                ipaddress.ip_network(value, strict=False)
            except ValueError:
                raise PydanticCustomError("network", "不是 IP 地址或网段") from None
        return values

    @field_validator("nameservers")
    @classmethod
    def _servers(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            address, colon, port = value.rpartition(":")
            has_port = bool(colon) and (address.startswith("[") or ":" not in address)
            try:
                ipaddress.ip_address(address.strip("[]") if has_port else value)
                is_good = not has_port or 0 < int(port) <= _MAX_PORT
            except ValueError:
                is_good = False
            if not is_good:
                raise PydanticCustomError("nameserver", "应写成 IP 地址，或“地址:端口”")
        return values


class MailboxSection(_Section):
    """[[mailbox]]: a mailbox at any provider that the daemon reads by IMAP."""

    name: str = Field(min_length=1, max_length=60, description="邮箱的名字，日志、对账里用；定了就不要再改，账是按它记的")
    district: str = Field("", description="归哪个区（规则包里的代号，如 chenggong）；只有一个区时可不写")
    host: str = Field(min_length=1, description="IMAP 服务器，如 imap.163.com")
    port: int = Field(993, ge=1, le=_MAX_PORT, description="端口：tls 一般为 993，starttls 一般为 143")
    security: Literal["tls", "starttls", "none"] = Field(
        "tls", description="tls、starttls 或 none（明文，只应在本机使用）；绝不自动改用明文"
    )
    authority: Path | None = Field(None, description="签发服务器证书的机构的证书（PEM），单位自签证书时用；不写则用系统信任的机构")
    user: str = Field(min_length=1, description="登录名，一般是完整的邮箱地址")
    password_file: Path | None = Field(None, description="口令文件（权限应为 600）；163、QQ 等写的是“授权码”")
    credential: str | None = Field(None, description="systemd 凭据名（LoadCredential=）")
    folders: tuple[str, ...] = Field(("INBOX",), min_length=1, description="要收的文件夹，可写中文名；INBOX 是收件箱")
    after: Literal["seen", "flag", "move", "leave"] = Field(
        "seen", description="收妥之后：seen 标为已读，flag 加 $Zuozhen 标记，move 移到 move_to，leave 不动"
    )
    move_to: str = Field("", description="after 为 move 时移到哪个文件夹（须已建好）")
    begin: date | None = Field(None, description="从哪一天起的来件归本系统，如 2026-11-30；更早的不收，也不动；不写则全部收")
    max_size_mb: int = Field(50, ge=1, le=200, description="单封来件上限（兆字节）；更大的不取回，只登记信头并提醒人看")
    poll_seconds: int = Field(60, ge=5, le=1500, description="最多隔多少秒看一次；服务器支持 IDLE 时来件随到随收")
    authserv_id: str = Field("", max_length=200, description=_AUTHSERV)
    reconcile_minutes: int = Field(60, ge=1, le=1440, description="隔多少分钟把服务器上的邮件与账逐封核对一次")

    @model_validator(mode="after")
    def _complete(self) -> MailboxSection:
        if not (self.password_file or self.credential):
            raise PydanticCustomError("mailbox_password", "必须给出 password_file 或 credential")
        if (self.after == "move") != bool(self.move_to):
            raise PydanticCustomError("mailbox_move", 'after = "move" 与 move_to 必须一起写')
        if self.move_to in self.folders:
            raise PydanticCustomError("mailbox_loop", "move_to 不能是要收的文件夹")
        if len(set(self.folders)) != len(self.folders):
            raise PydanticCustomError("mailbox_folders", "folders 里有重复的文件夹")
        return self


class RelaySection(_Section):
    """[relay]: how mail goes out; either a folder or a server."""

    folder: Path | None = Field(None, description="不经服务器，把发出的邮件逐封写成该目录下的 .eml（试运行用）")
    host: str | None = Field(None, description="发信服务器")
    port: int = Field(587, ge=1, le=_MAX_PORT, description="端口")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="starttls、tls 或 none；starttls 失败时绝不改用明文")
    authority: Path | None = Field(None, description="签发服务器证书的机构的证书（PEM），单位自签证书时用；不写则用系统信任的机构")
    username: str | None = Field(None, description="登录名")
    password_file: Path | None = Field(None, description="口令文件（权限应为 600）")
    credential: str | None = Field(None, description="systemd 凭据名（LoadCredential=）")
    connections: int = Field(2, ge=1, le=20, description="同时使用的连接数")
    max_original_mb: int = Field(20, ge=0, le=100, description="随交办邮件附上原件的上限（兆字节），更大的只注明")

    @model_validator(mode="after")
    def _one_way_out(self) -> RelaySection:
        if (self.folder is None) == (self.host is None):
            raise PydanticCustomError("relay_choice", "folder 与 host 必须且只能给出一个")
        if self.username and not (self.password_file or self.credential):
            raise PydanticCustomError("relay_password", "有 username 时必须给出 password_file 或 credential")
        return self


class LimitsSection(_Section):
    """[limits]: how much of the machine is used, and how much mail a stranger's address may get."""

    readers: int = Field(2, ge=1, le=32, description="读件子进程数")
    read_seconds: float = Field(20, ge=1, le=180, description="读一封来件最多用多少秒处理器时间；机器忙时另外等得起")
    read_memory_mb: int = Field(1536, ge=256, le=16_384, description="读件子进程的内存上限（兆字节）")
    fax_seconds: float = Field(240, ge=30, le=240, description="认一份传真或扫描件最多用多少秒处理器时间；一页约 5 秒")
    fax_memory_mb: int = Field(3072, ge=2048, le=16_384, description="认传真的子进程的内存上限（兆字节）；它只在有传真时才启动")
    rule_workers: int = Field(1, ge=1, le=16, description="每个区的规则引擎子进程数")
    tries: int = Field(3, ge=1, le=20, description="一封来件最多尝试处理几次，之后转入隔离区等人处理")
    mails_a_day: int = Field(40, ge=1, le=1000, description="24 小时内最多发给同一企业地址几封")
    mails_in_3_hours: int = Field(10, ge=1, le=1000, description="3 小时内最多发给同一企业地址几封")


class RepliesSection(_Section):
    """[replies]: how far an answer to a mail of ours is trusted."""

    token_days: int = Field(180, ge=1, le=3650, description="发出的邮件里的回执码多少天内有效；过期之后的回信只归入原件，不直接办理")
    plus_address: bool = Field(default=False, description="收件服务器认得“邮箱名+后缀@域名”时设为 true，回执码也写进回信地址")


class HealthSection(_Section):
    """[health]: the page for monitors, without a word of any message."""

    listen: Listen = Field(description="监控页的监听地址，如 127.0.0.1:9380，也可写 unix:/run/zuozhen/health.sock")


class FolderSection(_Section):
    """What others put into a folder."""

    id: str = Field(min_length=1, max_length=32)
    district: str = Field("", description="归哪个区（规则包里的代号，如 chenggong）；只有一个区时可不写")
    folder: Path | None = Field(None, description="放文件的目录；对方的文件放进去，收好后移到其中的 taken，不能用的移到 refused")
    after: Literal["move", "leave"] = Field("move", description="收好之后：move 移到 taken，leave 留在原处")
    poll_seconds: int = Field(10, ge=1, le=3600, description="隔多少秒看一次目录；文件写完（两次看到的大小、时间不变）才收")
    max_size_mb: int = Field(20, ge=1, le=100, description="目录里单个文件的上限（兆字节）")


class HandedSection(FolderSection):
    """What others hand over by a folder, by signed HTTP, or both."""

    key_file: Path | None = Field(None, description="HTTP 签名的密钥文件（权限应为 600），一行一个；更换期间可以有两行")
    credential: str | None = Field(None, description="systemd 凭据名（LoadCredential=），内容是 HTTP 签名的密钥")

    @model_validator(mode="after")
    def _some_way_in(self) -> HandedSection:
        if self.folder is None and not self.has_key:
            raise PydanticCustomError("handed_door", "folder、key_file、credential 至少要给出一个")
        return self

    @property
    def has_key(self) -> bool:
        """Whether they may come by HTTP."""
        return bool(self.key_file or self.credential)


class PlatformSection(HandedSection):
    """[[platform]]: another government platform whose records come in by a folder, by signed HTTP, or both."""

    id: str = Field(min_length=1, max_length=32, description="平台的代号，即规则包里 platforms/ 下映射文件的名字，如 12345")


class HotlineSection(HandedSection):
    """[[hotline]]: a hotline whose calls, written down, come in by a folder, by signed HTTP, or both."""

    id: str = Field(
        min_length=1, max_length=32, pattern=r"^[a-z0-9][a-z0-9_-]*$", description="热线的代号（小写字母、数字），如 zwfw；接口的网址里用它"
    )


class FaxSection(FolderSection):
    """[[fax]]: a fax line, or a scanner of letters, whose pages come in by a folder, as mail of a gateway, or both."""

    id: str = Field(min_length=1, max_length=32, pattern=r"^[a-z0-9][a-z0-9_-]*$", description="传真线路的代号（小写字母、数字），如 zw")
    kind: Literal["fax", "letter"] = Field("fax", description="收的是什么：fax 传真，letter 扫描的来信")
    senders: tuple[str, ...] = Field(
        (), description="传真网关（或扫描仪）发信的地址，如 fax@gw.example.cn，或整个域 @gw.example.cn；这些地址来的邮件按传真读，不回信"
    )

    @model_validator(mode="after")
    def _some_way_in(self) -> FaxSection:
        if self.folder is None and not self.senders:
            raise PydanticCustomError("fax_door", "folder、senders 至少要给出一个")
        if any(not _GATEWAY.fullmatch(sender) for sender in self.senders):
            raise PydanticCustomError("fax_sender", "senders 应写成邮箱地址，或“@域名”")
        return self


class IntakeHttpSection(_Section):
    """[intake_http]: the signed door for programs of other platforms."""

    listen: Listen = Field(description="接口的监听地址，如 10.0.0.5:9443，也可写 unix:/run/zuozhen/intake.sock；不要与监控页同一个")
    certificate: Path | None = Field(None, description="TLS 证书（PEM）；不写则不加密，只应放在本机的反向代理后面")
    key: Path | None = Field(None, description="TLS 私钥（PEM）")
    max_size_mb: int = Field(20, ge=1, le=100, description="一次提交的上限（兆字节）")
    window_seconds: int = Field(300, ge=30, le=3600, description="签名的时间戳与本机时间最多相差多少秒")

    @model_validator(mode="after")
    def _tls_complete(self) -> IntakeHttpSection:
        if (self.certificate is None) != (self.key is None):
            raise PydanticCustomError("tls_pair", "certificate 与 key 必须成对给出")
        return self


class CalendarSection(_Section):
    """[calendar]: where an instance keeps the days it has entered itself."""

    folder: Path = Field(Path("calendars"), description="导入的放假安排（2027.yaml）和各区临时安排（区代号.yaml）所在目录；可以没有")


class LogSection(_Section):
    """[log]: what the daemon says of itself."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="日志级别")
    format: Literal["auto", "json", "console"] = Field("auto", description="auto：终端上为文字，其余为 JSON")


class DistrictSection(_Section):
    """[[district]]: one district with its pack, its mailboxes and its address file."""

    pack: str = Field(description="规则包：随产品的名称（如 chenggong），或规则包目录的路径")
    mailboxes: tuple[MailAddress, ...] = Field(min_length=1, description="收件地址；寄到这些地址的邮件归本区")
    returns: MailAddress | None = Field(
        None, description="报送地址：部门把方案、报告、清单、月报、走访记录寄到这里，本系统认出是哪一样并销账；寄到这里的邮件也归本区"
    )
    addresses: Path = Field(description="部门邮箱文件（TOML）")

    @property
    def received_at(self) -> tuple[str, ...]:
        """Every address whose mail is this district's."""
        return (*self.mailboxes, *((self.returns,) if self.returns else ()))


class Config(_Section):
    """All of `zuozhen.toml`."""

    store: StoreSection = StoreSection()
    smtp: DoorSection | None = None
    lmtp: DoorSection | None = None
    sender_check: SenderCheckSection | None = None
    relay: RelaySection
    limits: LimitsSection = LimitsSection()
    replies: RepliesSection = RepliesSection()
    health: HealthSection | None = None
    intake_http: IntakeHttpSection | None = None
    log: LogSection = LogSection()
    calendar: CalendarSection = CalendarSection()
    name: str = Field("", description="本进程的名字，日志里用；多个进程共用一库时便于分辨，重名无妨；留空则取本机名")
    district: tuple[DistrictSection, ...] = Field(min_length=1, description="至少一个区")
    mailbox: tuple[MailboxSection, ...] = Field((), description="要收的邮箱")
    platform: tuple[PlatformSection, ...] = Field((), description="要收记录的其他平台")
    hotline: tuple[HotlineSection, ...] = Field((), description="要收通话记录的热线")
    fax: tuple[FaxSection, ...] = Field((), description="要收的传真、扫描来信")

    @model_validator(mode="after")
    def _known_relays(self) -> Config:
        if self.sender_check and self.smtp and self.smtp.authserv_id and not self.sender_check.relays:
            raise PydanticCustomError("relays", "[smtp] 写了 authserv_id，又有 [sender_check] 时，relays 须写明哪些地址是那台收信服务器")
        return self


class NamedAddress(_Section):
    """An address with the name it is written to."""

    name: str = Field("", description="显示的名称")
    address: MailAddress = Field(description="邮箱地址")


class AddressBook(_Section):
    """The address file of one district: instance data, kept out of the pack."""

    sender: NamedAddress = Field(description="发件人；企业和部门回复到这里")
    coordinator: NamedAddress | None = Field(None, description="统筹部门：待人审核的件、没有邮箱的部门的件寄到这里")
    departments: dict[str, MailAddress] = Field(default_factory=dict, description="部门代号 = 邮箱")
    superiors: dict[str, dict[Literal["section_head", "deputy", "head"], MailAddress]] = Field(
        default_factory=dict, description="部门代号 = 科室负责人、分管领导、主要负责人的邮箱；没有的，请部门邮箱转呈"
    )
    oversight: dict[str, MailAddress] = Field(default_factory=dict, description="抄报单位名称 = 邮箱")
    leaders: dict[str, MailAddress] = Field(default_factory=dict, description="区委、区政府等，名称 = 邮箱；重要情况随即报告它们")
    publishers: dict[str, MailAddress] = Field(default_factory=dict, description="发布单位名称 = 邮箱；场次的通告拟稿也寄给它们")

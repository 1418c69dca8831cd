"""`zuozhen init`: writes a new instance folder with a configuration and an address file that explain themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.chinese import Command
from daemon.cli.output import done
from rules.rulebook import builtin_pack, load_pack
from store.errors import UsageError
from store.model.district import District
from store.trouble import reason

CONFIG = """\
# 坐诊接诉 zuozhen 的配置。改好后执行：zuozhen check --config {folder}/zuozhen.toml
# 每一项的说明见随产品的 docs/配置.md。

[store]
url = "sqlite:///data/zuozhen.db"      # 相对路径从本文件所在目录算起

[smtp]                                  # 邮件服务器把来件交到这里；改用 LMTP 时写 [lmtp]
listen = "127.0.0.1:8025"
max_size_mb = 50

# 来件在别处的邮箱里（163、QQ、单位的邮件系统）时，写 [[mailbox]]，可以写几节；不再需要上面的 [smtp]：
# [[mailbox]]
# name = "坐诊信箱"                     # 日志、对账里用；定了就不要再改
# host = "imap.163.com"
# user = "zuozhen@163.com"
# password_file = "mailbox-password"    # 权限 600；163、QQ 等写“授权码”
# begin = 2026-11-30                    # 从哪一天起的来件归本系统，更早的不收
# after = "seen"                        # 收妥之后标为已读

[relay]                                 # 发信。试运行时写到目录里，不真正发出：
folder = "outgoing"
# 正式运行时改为发信服务器（并删去 folder）：
# host = "smtp.example.gov.cn"
# port = 587
# security = "starttls"
# username = "zuozhen@example.gov.cn"
# password_file = "relay-password"      # 权限 600

# [health]                              # 监控页：/healthz、/readyz、/metrics，见 docs/监控.md
# listen = "127.0.0.1:9380"

[[district]]
pack = "{pack}"
mailboxes = ["zuozhen@example.gov.cn"]  # 寄到这些地址的邮件归本区
# returns = "baosong@example.gov.cn"    # 部门报送方案、报告、月报、走访记录的地址，见 docs/场次与日程.md
addresses = "addresses-{pack}.toml"
"""

ADDRESSES_HEAD = """\
# {name}“坐诊接诉”的邮箱。部门代号取自规则包；没有填邮箱的部门，其交办件寄给统筹部门（coordinator）转办。

[sender]                                # 发件人；企业和部门回复到这里，应是 zuozhen.toml 中的收件地址之一
name = "{name}坐诊接诉"
address = "zuozhen@example.gov.cn"

[coordinator]                           # {coordinator}：待人审核的件寄到这里
name = "{coordinator}"
address = "coordinator@example.gov.cn"

[departments]                           # 去掉行首的 # 并填上邮箱
"""
ADDRESSES_TAIL = """
# 逾期逐级督促寄给谁；没有填的，寄到部门邮箱请转呈。每个部门一节，方括号里是部门代号：
# [superiors.部门代号]
# section_head = ""                     # 科室负责人
# deputy = ""                           # 分管领导
# head = ""                             # 主要负责人

# [oversight]                           # 督办时抄报的单位：名称 = 邮箱，名称加引号
# "单位名称" = ""

# [leaders]                             # 重要情况随即报告的上级（区委、区政府）：名称 = 邮箱，名称加引号
# "单位名称" = ""

# [publishers]                          # 发布场次通告的单位（政府网站、政务新媒体等）：名称 = 邮箱，名称加引号
# "单位名称" = ""
"""


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the command to the command line."""
    app.command(name, cls=Command, short_help=summary)(init)


def init(
    folder: Annotated[Path, typer.Argument(help="新建的实例目录", metavar="目录")],
    pack: Annotated[str, typer.Option(help="随产品的规则包名称")] = "chenggong",
) -> None:
    """新建一个实例目录：配置文件、部门邮箱文件、数据目录。

    例：zuozhen init /srv/zuozhen --pack chenggong
    """
    district = load_pack(builtin_pack(pack)).district
    files = {
        folder / "zuozhen.toml": CONFIG.format(folder=folder, pack=pack),
        folder / f"addresses-{pack}.toml": addresses_text(district),
    }
    existing = [path for path in files if path.exists()]
    if existing:
        raise UsageError(f"{existing[0]} 已存在，未作改动；换一个目录，或先把它移走")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "data").mkdir(mode=0o700, exist_ok=True)
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"写不了 {error.filename or folder}：{reason(error)}；换一个目录，或检查权限") from error
    done(f"已建好 {folder}")
    done(f"接着：一、在 {folder}/addresses-{pack}.toml 填部门邮箱；二、改 {folder}/zuozhen.toml 中的收件地址与发信方式；")
    done(f"三、zuozhen check --config {folder}/zuozhen.toml；四、zuozhen run --config {folder}/zuozhen.toml")


def addresses_text(district: District) -> str:
    """Return an address file that lists every department of the pack, still without addresses."""
    head = ADDRESSES_HEAD.format(name=district.name, coordinator=district.coordinator)
    width = max(len(key) for key in district.departments)
    lines = [f'# {department.id:<{width}} = ""   # {department.name}' for department in district.departments.values()]
    return head + "\n".join(lines) + "\n" + ADDRESSES_TAIL

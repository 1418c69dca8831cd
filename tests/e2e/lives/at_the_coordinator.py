"""Lives in which the coordinator decides: a refusal confirmed or overruled, a case completed by its enterprise, one taken for another."""

from __future__ import annotations

from tests.e2e.lives.at_the_department import petition
from tests.e2e.lives.post import COORDINATOR, Post, number_of, text_of


async def refused(post: Post) -> None:
    """Have a refusal proposed, and confirmed by the coordinator: only then the enterprise hears of it, with the ground and where to turn."""
    enterprise = "qy4@enterprise.example"
    matter = "我公司与昆明高塬商贸有限公司签订了买卖合同，货已交付，对方拖欠货款三十八万元。请求协调对方支付拖欠的货款并赔偿违约金。"
    await post.writes(enterprise, "拖欠货款", petition("昆明远帆禾木商贸有限公司", matter, "周四平", "13700004444"))
    asked, receipt = await post.came((COORDINATOR, "待复核"), (enterprise, "来件已登记"))
    number = number_of(asked)
    assert "系统意见：不予受理" in text_of(asked)
    assert "正在审核是否受理" in text_of(receipt)
    assert "不予受理" not in text_of(receipt)  # before a person has confirmed it, nobody is told
    await post.answers(asked, "同意。")
    told = await post.comes(enterprise, number)
    assert "不作为“坐诊接诉”事项受理" in text_of(told)
    assert "建议：" in text_of(told)
    assert "具体情况" not in text_of(told)  # 同意 is an order to us, and tells the enterprise nothing
    assert post.state(number) == "refused"


async def overruled(post: Post) -> None:
    """Have a refusal proposed, overruled by the coordinator, and solved by the department that he names."""
    enterprise, department = "qy5@enterprise.example", "stj@cg.example"
    matter = "我公司为昆明滇蕊文化传媒有限公司供应布展材料，合同约定验收后付款，对方拖欠货款六万元。请求协调对方支付货款。"
    await post.writes(enterprise, "布展材料的货款没有付", petition("昆明禾木布展有限公司", matter, "吴五月", "13700005555"))
    asked, _ = await post.came((COORDINATOR, "待复核"), (enterprise, "来件已登记"))
    number = number_of(asked)
    await post.answers(asked, "不同意，改派区商务和投资促进局。\n该展会由区商务和投资促进局主办，货款从展会经费支付。")
    assigned, told = await post.came((department, "交办"), (enterprise, "诉求已交办"))
    assert "现由区商务和投资促进局办理" in text_of(told)
    assert "经区政务服务局审核，决定受理" in text_of(assigned)
    await post.answers(assigned, "已解决：展会经费已拨付，货款今日付清。")
    await post.answers(await post.comes(enterprise, "办理答复"), "非常满意")
    await post.stands(number, "rated")


async def supplemented(post: Post) -> None:
    """Write too vaguely; the enterprise supplies what is missing, and the rules assign it."""
    enterprise, department = "qy6@enterprise.example", "xfd@cg.example"
    matter = "跑了很多趟，一个推一个，谁都不理，等了很久也没个说法，求领导管一管。"
    await post.writes(enterprise, "办事太难", petition("昆明棠溪物联科技有限公司", matter, "郑六合", "13700006666"))
    asked = await post.comes(enterprise, "补充")
    number = number_of(asked)
    assert "所反映的是哪个部门" in text_of(asked)
    await post.answers(
        asked,
        "补充：我公司九月三日向区消防救援大队申请公众聚集场所消防安全检查，窗口三次说系统故障，至今没有安排。请求区消防救援大队尽快安排消防安全检查。",
    )
    assigned, told = await post.came((department, "交办"), (enterprise, "交办"))
    assert "九月三日" in text_of(assigned)
    assert "现由区消防救援大队办理" in text_of(told)
    assert post.state(number) == "assigned"
    await post.answers(assigned, "已解决：今日已到场检查，合格。")
    await post.answers(await post.comes(enterprise, "办理答复"), "满意")
    await post.stands(number, "rated")


async def separated(post: Post) -> None:
    """Have it taken for another case; the enterprise objects, and the coordinator lets it live on its own."""
    enterprise, department = "qy7@enterprise.example", "scj@cg.example"
    first = "我公司申请变更法定代表人，在系统里提交三次，都说住所证明不清楚。请求区市场监管局告知变更登记要什么样的住所证明。"
    await post.writes(enterprise, "法定代表人变更登记办不下来", petition("昆明景澜贸易有限公司", first, "王七里", "13700007777"))
    assigned, _ = await post.came((department, "交办"), (enterprise, "来件已登记"))
    earlier = number_of(assigned)
    second = "我公司第二家门店申请食品经营许可，现场核查以后没有下文。请求区市场监管局办结门店的食品经营许可。"
    await post.writes(enterprise, "第二家门店食品经营许可没有下文", petition("昆明景澜贸易有限公司", second, "王七里", "13700007777"))
    assigned, _ = await post.came((department, "交办"), (enterprise, "来件已登记"))
    number = number_of(assigned)
    await post.answers(assigned, f"与{earlier}是同一件")
    refused, asked = await post.came((department, "没有办成"), (COORDINATOR, "续件"))
    assert "只能由区政务服务局来定" in text_of(refused)
    await post.answers(asked, f"与{earlier}是同一件")
    told, off = await post.came((enterprise, "与已登记事项并案办理"), (department, "停办"))
    assert earlier in text_of(told)
    assert f"与编号{earlier}的诉求是同一事项" in text_of(off)
    assert post.state(number) == "duplicate"
    await post.answers(told, "不是同一件，一件是变更登记，一件是食品经营许可。")
    objection = await post.comes(COORDINATOR, "请处理")
    assert f"与{earlier}不是同一件" in text_of(objection)
    await post.answers(objection, "同意")
    assigned, told = await post.came((department, "交办"), (enterprise, "诉求已交办"))
    assert "现由区市场监管局办理" in text_of(told)
    await post.answers(assigned, "已解决：食品经营许可已于今日核发。")
    await post.answers(await post.comes(enterprise, "办理答复"), "满意")
    await post.stands(number, "rated")
    assert post.state(earlier) == "assigned"


async def unreachable(post: Post) -> None:
    """Find the department's address dead: the coordinator hears at once, and gives the case to another."""
    enterprise, department, other = "qy10@enterprise.example", "hbj@cg.example", "yjj@cg.example"
    post.here.world.answer = lambda to: "550 5.1.1 User unknown" if to == department else "250 OK"
    matter = "隔壁化工仓库夜间排放刺鼻气味，员工头晕，两次向市生态环境局呈贡分局反映没有回音。请求生态环境局查处异味扰企。"
    await post.writes(enterprise, "隔壁仓库异味扰企", petition("昆明云岚信息技术有限公司", matter, "赵十全", "13700001010"))
    _, asked = await post.came((enterprise, "来件已登记"), (COORDINATOR, "请处理"))
    number = number_of(asked)
    assert "（hbj@cg.example）的邮件没有送达" in text_of(asked)
    assert "请电话告知该单位" in text_of(asked)
    await post.answers(asked, "改派区应急管理局")
    assigned, told = await post.came((other, "交办"), (enterprise, "诉求已交办"))
    assert "现由区应急管理局办理" in text_of(told)
    await post.answers(assigned, "已解决：仓库已停用。")
    await post.answers(await post.comes(enterprise, "办理答复"), "满意")
    await post.stands(number, "rated")

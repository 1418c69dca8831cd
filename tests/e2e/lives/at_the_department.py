"""Lives in which the department acts: the case is solved, late, returned twice, rated low, withdrawn."""

from __future__ import annotations

from tests.e2e.lives.post import COORDINATOR, Post, at, number_of, text_of

_SIGNED = "\n\n联系人：{person}\n联系电话：{phone}\n"


def petition(name: str, matter: str, person: str, phone: str) -> str:
    """Return what an invented enterprise writes."""
    return f"尊敬的领导：\n\n我公司{name}反映：{matter}{_SIGNED.format(person=person, phone=phone)}"


async def solved(post: Post) -> None:
    """Have a case accepted, acknowledged, promised, answered, rated and closed; a stranger with the right token moves nothing."""
    enterprise, department = "qy1@enterprise.example", "swj@cg.example"
    matter = "上月向区税务局申请增值税专用发票增版增量，办税服务厅两次退回，至今二十天，三笔订单无法开票。请求税务部门尽快办理发票增量。"
    await post.writes(enterprise, "关于发票增量迟迟未办的情况反映", petition("昆明青岚办公用品有限公司", matter, "沈秋实", "13700001234"))
    assigned, receipt = await post.came((department, "交办"), (enterprise, "来件已登记"))
    number = number_of(assigned)
    assert "现由区税务局办理" in text_of(receipt)
    await post.answers(assigned, "已解决：已办妥", sender="stranger@elsewhere.example")
    question = await post.comes(department, "请确认")
    assert "答复企业" in text_of(question)
    await post.answers(question, "不同意")
    await post.answers(assigned, "签收。")
    await post.stands(number, "acknowledged")
    await post.answers(assigned, "正在处理，限期5个工作日。")
    told = await post.comes(enterprise, "办理时限已告知")
    assert "由区税务局办理" in text_of(told)
    assert "2024年10月15日" in text_of(told)
    await post.answers(assigned, "已解决：发票增量已经办结，请到办税服务厅三号窗口领取。")
    answered = await post.comes(enterprise, "办理答复")
    assert "发票增量已经办结" in text_of(answered)
    await post.answers(answered, "满意，谢谢。")
    await post.stands(number, "rated")
    await post.later(at("10-11 09:30"))
    reminder = await post.comes(COORDINATOR, "时限提醒")
    assert "销号" in text_of(reminder)
    await post.answers(reminder, "销号")
    closed = await post.comes(enterprise, "事项已办结")
    assert "已经办结" in text_of(closed)
    assert post.state(number) == "closed"


async def late(post: Post) -> None:
    """Have a promise run out: reminded, urged, given more time by the coordinator, answered."""
    enterprise, department = "qy2@enterprise.example", "rsj@cg.example"
    matter = "员工下班路上被撞伤，七月初提交工伤认定申请，至今没有认定书。请求区人力资源社会保障局尽快作出工伤认定。"
    await post.writes(enterprise, "工伤认定没有结论", petition("昆明栖禾花卉有限公司", matter, "杨二春", "13700002222"))
    assigned, _ = await post.came((department, "交办"), (enterprise, "来件已登记"))
    number = number_of(assigned)
    await post.answers(assigned, "正在处理，限期2个工作日")
    assert "2024年10月14日" in text_of(await post.comes(enterprise, "办理时限已告知"))
    await post.later(at("10-12 09:30"))  # a Saturday on which people work
    reminder = await post.comes(department, "时限提醒")
    assert f"1. {number}" in text_of(reminder)
    await post.answers(reminder, "收悉")
    await post.later(at("10-15 09:30"))
    urged = await post.comes(department, "逾期督促")
    assert "请呈分管领导阅" in text_of(urged)
    await post.answers(urged, "申请延期3个工作日，原因：医疗鉴定尚在复核。")
    asked = await post.comes(COORDINATOR, "请处理")
    assert "申请延期 3 个工作日（限期 2 个工作日），理由：医疗鉴定尚在复核；同意的，回复“同意”" in text_of(asked)
    await post.answers(asked, "同意")
    told, granted = await post.came((enterprise, "办理时限已延长"), (department, "延期获准"))
    assert all("2024年10月17日" in text_of(mail) for mail in (told, granted))
    await post.answers(assigned, "已解决：工伤认定书今日送达。")
    await post.answers(await post.comes(enterprise, "办理答复"), "满意")
    await post.stands(number, "rated")


async def returned_twice(post: Post) -> None:
    """Have it returned twice, and decided by the coordinator each time; a third time it is not taken back."""
    enterprise, first, second, third = "qy3@enterprise.example", "zfj@cg.example", "scj@cg.example", "zjj@cg.example"
    matter = "我们在春融街开店，区综合执法局多次说门头招牌不合规要拆，问按哪个标准整改没有答复。请求综合执法局明确店招的整改标准。"
    await post.writes(enterprise, "门头招牌整改标准不明", petition("昆明云溪餐饮管理有限公司", matter, "林一禾", "13700003333"))
    assigned, _ = await post.came((first, "交办"), (enterprise, "来件已登记"))
    number = number_of(assigned)
    await post.answers(assigned, "退回：广告标识由市场监管部门管理，不属我局职责，建议交由区市场监管局")
    asked, told = await post.came((COORDINATOR, "请处理"), (enterprise, "承办部门正在重新确定"))
    assert "第1次退回" in text_of(asked)
    assert "您不必重新提交" in text_of(told)
    await post.answers(asked, "同意")
    again, told = await post.came((second, "交办"), (enterprise, "诉求已交办"))
    assert "现由区市场监管局办理" in text_of(told)
    await post.answers(again, "退回：店招设置不属我局职责，建议交由区综合执法局")
    asked, _ = await post.came((COORDINATOR, "请处理"), (enterprise, "承办部门正在重新确定"))
    assert "第2次退回" in text_of(asked)
    await post.answers(asked, "不同意，改派区住建局")
    ruled, told = await post.came((third, "交办"), (enterprise, "诉求已交办"))
    assert "区住房和城乡建设局" in text_of(told)
    await post.answers(ruled, "退回：不属我局职责，建议交由区综合执法局")
    refused, filed = await post.came((third, "没有办成"), (COORDINATOR, "续件"))
    assert "已退回 2 次" in text_of(refused)
    assert "区住房和城乡建设局" in text_of(filed)
    assert post.state(number) == "assigned"
    await post.answers(ruled, "已解决：已当面告知店招整改的三项标准。")
    await post.answers(await post.comes(enterprise, "办理答复"), "基本满意")
    await post.stands(number, "rated")


async def rated_low(post: Post) -> None:
    """Have the answer rated low; the coordinator agrees, and it is handled anew under a 重点督办单."""
    enterprise, department = "qy8@enterprise.example", "rsj@cg.example"
    matter = "去年一年没有裁员，符合稳岗返还条件，公示名单里有我们，至今没有到账。请求区人力资源社会保障局尽快拨付稳岗返还。"
    await post.writes(enterprise, "稳岗返还没有到账", petition("昆明晨曦电子有限公司", matter, "何二川", "13700008888"))
    assigned, _ = await post.came((department, "交办"), (enterprise, "来件已登记"))
    number = number_of(assigned)
    await post.answers(assigned, "无法解决，原因：今年的资金尚未下达。")
    answered = await post.comes(enterprise, "办理答复")
    await post.answers(answered, "不满意：同园区的企业七月就到账了。")
    asked = await post.comes(COORDINATOR, "请处理")
    assert "同园区的企业七月就到账了" in text_of(asked)
    await post.answers(asked, "同意")
    order, told = await post.came((department, "重点督办"), (enterprise, "诉求重新办理"))
    assert "督办理由：企业评价“不满意”：同园区的企业七月就到账了。" in text_of(order)
    assert "限期5个工作日" in text_of(order)
    assert "重新办理" in text_of(told)
    await post.answers(order, "已解决：稳岗返还已于今日到账。")
    again = await post.comes(enterprise, "办理答复")
    await post.answers(again, "满意")
    await post.stands(number, "rated")


async def withdrawn(post: Post) -> None:
    """Have the enterprise withdraw it; the department that has it in hand hears of it at once, and moves nothing any more."""
    enterprise, department = "qy9@enterprise.example", "jtj@cg.example"
    matter = "申请美术类培训的办学许可，区教育体育局现场看过两次，标准前后不一。请求教育体育局一次性说清办学许可的标准。"
    await post.writes(enterprise, "办学许可标准不清", petition("昆明星禾艺术培训有限公司", matter, "马三江", "13700009999"))
    assigned, receipt = await post.came((department, "交办"), (enterprise, "来件已登记"))
    number = number_of(assigned)
    await post.answers(assigned, "签收")
    await post.stands(number, "acknowledged")
    await post.answers(receipt, "问题已经自行协商解决，我公司撤回诉求。")
    told, off = await post.came((enterprise, "已按您的要求撤回"), (department, "停办"))
    assert "不再办理" in text_of(told)
    assert "不再办理" in text_of(off)
    assert post.state(number) == "withdrawn"
    await post.answers(assigned, "已解决：已告知标准。")
    await post.came((department, "没有办成"), (COORDINATOR, "续件"))
    assert post.state(number) == "withdrawn"

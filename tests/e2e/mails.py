"""Mails of invented enterprises for the end-to-end tests."""

from email.message import EmailMessage

TAX = """尊敬的领导：

我是昆明青岚办公用品有限公司的财务，统一社会信用代码 91530114MA6P0X7R2L。我公司上月向区税务局申请增值税专用发票增版增量，
办税服务厅两次退回，第一次说资料不全，第二次说系统在升级，至今已经二十天，导致三笔订单无法开票、货款收不回来。

请求税务部门明确受理时限，尽快办理发票增量。

联系人：沈秋实
联系电话：13700001234
"""


def mail(text: str = TAX, *, subject: str = "关于增值税发票增量迟迟未办的情况反映", message_id: str = "<one@enterprise.example>") -> bytes:
    """Return a plain mail with *text*."""
    message = EmailMessage()
    message["From"] = "沈秋实 <qy@enterprise.example>"
    message["To"] = "zuozhen@cg.example"
    message["Subject"] = subject
    message["Date"] = "Wed, 09 Oct 2024 09:30:00 +0800"
    message["Message-ID"] = message_id
    message.set_content(text)
    return bytes(message)

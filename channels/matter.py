"""What is asked: the only module that makes the title and the content of a petition out of forms, own words and the subject."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from channels import quoting
from channels.documents import Document
from channels.forms import form_ranges
from channels.passage import Passage, any_of, cut, tidy
from channels.view import View

_POINTER = re.compile(r"附件|见附|附上|请查收|请查阅|扫描件|如附")  # a body that only points to what is attached
_POINTER_LENGTH = 40  # characters
_TITLE_LENGTH = 80
_TITLE_SOUGHT = 20_000  # characters of the content in which a title is looked for
_HEAD, _HEAD_LINES = 1_500, 8  # characters and lines in which a heading stands
_LEAST_SENTENCE = 4  # characters: a word is no matter
_SILENT_WORDS = """附件 材料 文件 表 表格 企业 公司 预约 挂号 坐诊 接诉 区委书记 区长 局长 信息 登记 填报 申请表 投诉 举报 诉求 反映 反馈 邮件 你好 您好 求助 咨询 问题 情况 事项
    紧急 急 请查收 领导 发送 提交 新建 文档 扫描 word excel docx? xlsx? pdf jpg 无 关于 的 再次 来信 帮忙 救命 谢谢"""
_SAYS_NOTHING = re.compile(rf"(?:{any_of(_SILENT_WORDS)}|[0-9一二（）()：:、，,.。！!？?~\-_+\s“”\"《》【】])*")
_HEADING_END = any_of("函 请示 报告 请求 反映 情况 申请 建议 诉求 投诉 说明 信 书 意见 问题 事宜 咨询 求助 汇报 陈情 呈请 申诉")
_HEADING = re.compile(rf"关于[^。;!?\n]{{4,70}}{_HEADING_END}")
_ADDRESSEES = any_of(
    "领导 局 政府 管委会 办 委 中心 大队 同志 老师 书记 区长 局长 主任 窗口 专窗 分局 工商联 负责人 先生 女士 信箱 领导们 老师们 同志们"
)
_GREETING = re.compile(
    rf"[^。；！？\n]{{0,40}}{_ADDRESSEES}好?(?:（收）|[，,]?[您你]们?好)?[:：,，!！。]{{0,2}}|[您你]们?好[!！。,，:：~]{{0,3}}|"
    r"(?:敬启者|启者|敬啟者|打扰了|您好，打扰了)[:：,，。]{0,2}"
)
_CLERKS_NOTE = re.compile(r"[（(【“\"]?(?:来信|窗口|来访|接待|登记|“?坐诊接诉”?专窗|时间|日期|编号|接待单|记录)[^。]{0,40}")
_ASKS = re.compile(
    rf"(?:[0-9一二三四][.、])?(?:{any_of('诉求 要求 请求 恳请 恳求 望 希望 盼 懇請 想请 所以想请 能不能 可否')}|请(?!问|看|查收|查阅|见|领导看|各位)|請(?!問|看)).{{6}}"
)
_INTRODUCES = re.compile(r"我叫|我是|我们是|本人|来信人|来访|反映人|我们[^，。]{0,4}叫|我公司是|(?:企业|单位|公司|联系人|电话)[:：]")
_LEAD = re.compile(r"^(?:诉求|要求|请求|事由|反映问题|反映事项|反映|请求事项)[:：]\s*")
_SENTENCE_END = re.compile(r"[。！？!?；;\n]")
_HINT_LINE = re.compile(
    r"^[ \t]{0,20}(?:请填写具体事项内容及涉及的相关部门[。.]?|关于[×xX*＊]{2,6}事项的情况反映)[ \t]{0,20}$", re.MULTILINE
)
_LIST_ITEM = re.compile(r"\s|[0-9一二三四五六七八九十①-⑩]{1,2}[.、)）．]|[(（][0-9一二三四五六七八九十]|[-•·*▶]")
_STOPS = ("。", "：", "；", "！", "？", ":", ";")
_WIDEST, _NARROWEST, _SLACK = 84, 40, 6  # columns of hard-wrapped text (a Chinese character takes two)
_LEAST_WRAPPED, _MOST_WRAPPED = 3, 5_000  # full lines that make a text hard-wrapped, and lines in which they are looked for
_IDENTITY = frozenset({"name", "uscc", "address", "contact", "phone", "duo", "title"})
_FORM_LEAST = 3  # labelled fields that make a body a form; a telephone number in a letter is none


def content_of(view: View, filled: Sequence[Document], others: Sequence[Document]) -> str:
    """Return the enterprise's own words: what it wrote into the form, then the body without signature, labels and quotations.

    Where the body only points to another document, that document's words follow.
    """
    own = _own_words(view)
    written = [_clean(document.text[slice(*place)]) for document in filled if (place := form_ranges(document).get("content"))]
    attached = []
    if len("".join(own.split())) <= _POINTER_LENGTH and (not own or _POINTER.search(own)):
        attached = [_own_words(View.of(Passage.of("attachment", document.text))) for document in others]
    return "\n\n".join(filter(None, (*written, own, *attached)))


def title_of(view: View, filled: Sequence[Document], subject: str, content: str) -> str:
    """Return the matter in one line: the form's or a labelled title, the subject, a heading, else the sentence that says most."""
    for document in filled:
        if place := form_ranges(document).get("title"):
            return _one_line(document.text[slice(*place)])
    for item in view.labelled:
        if item.field == "title" and item.end - item.start <= _TITLE_LENGTH // 2:  # 事由 may open a whole story
            return _one_line(view.passage.words[slice(*view.passage.place(item.start, item.end))])
    cleaned = quoting.clean_subject(subject)
    if cleaned and not _SAYS_NOTHING.fullmatch(cleaned[:_TITLE_LENGTH]):
        return _one_line(cleaned)
    return _heading(view) or _telling_sentence(content) or _one_line(cleaned)


def _own_words(view: View) -> str:
    """Return the words of *view* that are neither carried along, nor signature, nor a labelled line of the form."""
    dropped = [] if view.is_note else [*view.signature.lines, *_form_places(view)]
    return _clean(cut(view.passage.words, [*view.foreign, *(view.passage.place(*place) for place in dropped)]))


def _form_places(view: View) -> list[tuple[int, int]]:
    """Where the labelled fields of the form stand, if the body holds the form itself."""
    items = [item for item in view.labelled if item.field in _IDENTITY]
    return [(item.label, item.end) for item in items] if len({item.field for item in items}) >= _FORM_LEAST else []


def _clean(text: str) -> str:
    """Return *text* without printed hints, wrapped lines joined, blank lines single."""
    lines = [line.rstrip() for line in _HINT_LINE.sub("", text).split("\n")]
    lines = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return "\n".join(_joined(lines)).strip()


def _joined(lines: list[str]) -> list[str]:
    """Return *lines* with those joined that were broken only because the line was full, so that no word is cut in two."""
    if len(lines) > _MOST_WRAPPED or max(map(len, lines), default=0) > _WIDEST:
        return lines
    widths = [_width(line) for line in lines]
    widest = max(widths, default=0)
    full = [max(_NARROWEST, widest - _SLACK) <= width for width in widths]
    if widest > _WIDEST or sum(full) < _LEAST_WRAPPED:
        return lines
    joined = lines[:1]
    for line, is_after_full in zip(lines[1:], full, strict=False):
        if is_after_full and line and not _LIST_ITEM.match(line) and not joined[-1].endswith(_STOPS):
            joined[-1] += line
        else:
            joined.append(line)
    return joined


def _width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


def _heading(view: View) -> str:
    """Return a heading 关于…的… from the first lines; "" where there is none."""
    lines = [line.strip() for line in view.plain[:_HEAD].split("\n") if line.strip()]
    line = next((line for line in lines[:_HEAD_LINES] if _HEADING.fullmatch(line)), "")
    at = view.plain.find(line)
    return _one_line(view.passage.words[at : at + len(line)])


def _telling_sentence(content: str) -> str:
    """Return the sentence that asks for something; without one the first that is no greeting, no introduction and no note of a clerk."""
    sentences = [_LEAD.sub("", sentence.strip(' \t　，,“”"')) for sentence in _SENTENCE_END.split(content[:_TITLE_SOUGHT])]
    sentences = [
        text for text in sentences if len(text) >= _LEAST_SENTENCE and not _GREETING.fullmatch(text) and not _CLERKS_NOTE.match(text)
    ]
    asking = next((text for text in sentences if _ASKS.match(text)), "")
    telling = next((text for text in sentences if not _INTRODUCES.match(text)), "")
    return _one_line(asking or telling or next(iter(sentences), ""))


def _one_line(text: str) -> str:
    line = tidy(text)
    return line if len(line) <= _TITLE_LENGTH else line[: _TITLE_LENGTH - 1] + "…"

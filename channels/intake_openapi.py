"""The OpenAPI page of the signed doors (GET /openapi.json): for the programs of others, and for whoever writes them."""

from __future__ import annotations

from collections.abc import Iterable

_KINDS = {
    "/intake/platforms": ("提交其他平台的记录", "CSV、XLSX、JSON 或 JSONL，列名按规则包 platforms/ 里的映射", {"type": "object"}),
    "/intake/hotline": (
        "提交通话记录",
        "一次通话的 JSON、多次通话的 JSON 列表或 CSV，也可以是带说话人的文本、SRT、VTT",
        {
            "oneOf": [{"$ref": "#/components/schemas/Call"}, {"type": "array", "items": {"$ref": "#/components/schemas/Call"}}],
        },
    ),
}
_REFUSALS = {
    "400": "没有幂等键",
    "401": "签名不对、没有时间戳，或时间戳与本机相差太多",
    "408": "正文迟迟没有传完",
    "409": "幂等键或编号以前收过，内容不同",
    "413": "正文太大",
    "422": "正文不能用，detail 写明哪里不对",
    "429": "同时提交的太多，按 Retry-After 再试",
    "500": "内部错误，按 Retry-After 用同一个幂等键再试",
    "503": "暂时收不了，按 Retry-After 用同一个幂等键再试",
}
_CALL = {
    "type": "object",
    "required": ["transcript"],
    "properties": {
        "call_id": {"type": "string", "description": "通话编号，一次通话一个；重发时不变"},
        "line": {"type": "string", "description": "热线名称"},
        "started_at": {"type": "string", "format": "date-time", "description": "带时区，如 2024-10-09T09:41:20+08:00"},
        "caller_number": {"type": "string", "description": "来电号码；来电人没有另说电话时，用它联系"},
        "agent_note": {"type": ["string", "null"], "description": "坐席备注，只供参考，不作依据"},
        "transcript": {"type": "array", "items": {"$ref": "#/components/schemas/Turn"}},
    },
}
_TURN = {
    "type": "object",
    "required": ["text"],
    "properties": {
        "speaker": {"type": "string", "description": "坐席、来电人"},
        "t": {"type": "number", "description": "从通话开始算起的秒数"},
        "text": {"type": "string"},
    },
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "哪里不对、怎么办"},
    },
}


def description(paths: Iterable[str]) -> dict[str, object]:
    """Return the page for the doors under *paths*."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "坐诊接诉 接口", "version": "1", "description": "202 表示已经存好；没有 202 就用同一个幂等键重发。"},
        "paths": {path: {"post": _operation(path)} for path in paths},
        "components": {"schemas": {"Call": _CALL, "Turn": _TURN, "Problem": _PROBLEM}},
    }


def _operation(path: str) -> dict[str, object]:
    summary, body, schema = next(kind for prefix, kind in _KINDS.items() if path.startswith(prefix))
    sender = [_parameter("sender", "path", "代号，由本区给定", "string")] if "{sender}" in path else []
    refusals = {
        status: {"description": words, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        for status, words in _REFUSALS.items()
    }
    return {
        "summary": summary,
        "parameters": [
            *sender,
            _parameter("X-Zuozhen-Timestamp", "header", "发送时的 Unix 秒数", "integer"),
            _parameter("Idempotency-Key", "header", "不重复的编号（1 至 200 个可见字符），重发时不变", "string"),
            _parameter(
                "X-Zuozhen-Signature", "header", "v1= 和十六进制的 HMAC-SHA256（时间戳、幂等键、网址路径各加换行，再加正文）", "string"
            ),
        ],
        "requestBody": {
            "required": True,
            "description": body,
            "content": {"application/json": {"schema": schema}, "text/csv": {"schema": {"type": "string"}}},
        },
        "responses": {"202": {"description": "已经存好", "content": {"application/json": {"schema": {"type": "object"}}}}, **refusals},
    }


def _parameter(name: str, where: str, words: str, kind: str) -> dict[str, object]:
    return {"name": name, "in": where, "required": True, "description": words, "schema": {"type": kind}}

"""The rules of asynchrony that a compiler does not check.

  1. A co_await stands alone in its statement: `co_await f(x);`, `auto y = co_await f(x);`,
     `y = co_await f(x);`, `co_return co_await f(x);`. Beside it stands no capturing lambda, no braced
     temporary, no `?:` and no second co_await: name these first.
  2. No capturing lambda is a coroutine: its captures die with the lambda, not with the coroutine.
  3. What is started is owned: `detached` occurs nowhere but inside the async room's Gate.
  4. base, job, engine and journal have no coroutine.
"""

import re

import source

_KEYWORD = re.compile(r"\bco_(?:await|return|yield)\b")
_AWAIT = re.compile(r"\bco_await\b")
_WITHOUT = ("src/base/", "src/job/", "src/engine/", "src/journal/")
_GATE = ("src/async/gate.cc", "src/async/gate.h")

# What may stand between a statement's beginning and its co_await.
_BEFORE = re.compile(
    r"""^\s*(?:
      | co_return\s+
      | \(\s*void\s*\)\s*
      | static_cast<void>\(\s*
      | [^?(){}]*(?:\[[^\]]*\][^?(){}]*)?=\s*          # a declaration or an assignment
    )$""",
    re.VERBOSE)


def _statement(code, at):
    """(before, after): the statement's text around the co_await at `at`."""
    depth, begin, in_condition = 0, 0, False
    for offset in range(at - 1, -1, -1):
        character = code[offset]
        if character in ")]}":
            if character == "}" and depth == 0:
                begin = offset + 1
                break
            depth += 1
        elif character in "([{":
            if depth == 0:
                head = code[:offset].rstrip()
                # The init-statement of if, switch and for is a statement of its own.
                if character == "{" or re.search(r"\b(if|switch|for)$", head):
                    begin, in_condition = offset + 1, character == "("
                    break
                continue
            depth -= 1
        elif depth == 0 and (character == ";" or re.match(r"else\b", code[offset:])
                             or (character == ":" and _is_label(code, offset))):
            begin = offset + (4 if character == "e" else 1)
            break
    depth, end = 0, len(code)
    for offset in range(at, len(code)):
        character = code[offset]
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        if depth < 0 or (depth == 0 and character == ";"):
            end = offset
            if depth < 0 and in_condition:
                begin -= 1  # no init-statement but the condition itself
            break
    before = code[begin:at]
    # `if (condition) co_await …;` without braces: the statement begins after the condition.
    condition = re.match(r"\s*(?:if|while|for)\s*(?:constexpr\s*)?\(", before)
    while condition:
        close = source.matching(before, condition.end() - 1)
        if close >= len(before):
            break
        before = before[close + 1:]
        condition = re.match(r"\s*(?:if|while|for)\s*(?:constexpr\s*)?\(", before)
    return before, code[at:end]


def _is_label(code, colon):
    if code[colon - 1:colon] == ":" or code[colon + 1:colon + 2] == ":":
        return False
    return re.search(r"(\bcase\b[^;{}?]*|\bdefault)$", code[:colon]) is not None


def _lambdas(code):
    """Yields (offset, captures, body) of each lambda."""
    for match in re.finditer(r"\[", code):
        start = match.start()
        before = code[:start].rstrip()
        # An introducer stands where a value may begin; an index or attribute does not.
        if code[start:start + 2] == "[[" or (before and (before[-1].isalnum() or before[-1] in "_)]>[")):
            if not re.search(r"\b(return|co_return|co_await|co_yield)$", before):
                continue
        close = source.matching(code, start)
        rest = re.match(r"\s*(?:\(|\{|mutable\b|->|noexcept\b)", code[close + 1:])
        if not rest:
            continue
        opening = code.find("{", close)
        parameters = re.match(r"\s*\(", code[close + 1:])
        if parameters:
            opening = code.find("{", source.matching(code, close + parameters.end()))
        if opening < 0:
            continue
        yield start, code[start + 1:close].strip(), code[opening:source.matching(code, opening) + 1]


def _without_inner(body):
    """A lambda's body with the bodies of the lambdas in it blanked."""
    text = body
    for offset, _, inner in list(_lambdas(body[1:])):
        at = body.find(inner, offset)
        if at > 0:
            text = text[:at] + " " * len(inner) + text[at + len(inner):]
    return text


def check(path, text):
    """Yields (line, complaint) for one file."""
    code = source.without_directives(source.without_text(text))
    if path.startswith(_WITHOUT):
        for match in _KEYWORD.finditer(code):
            yield source.line_of(code, match.start()), "no coroutine in this room"
    if path not in _GATE:
        for match in re.finditer(r"\bdetached\b", code):
            yield source.line_of(code, match.start()), "nothing runs detached: start it through a Gate"
    for offset, captures, body in _lambdas(code):
        if captures and _KEYWORD.search(_without_inner(body)):
            yield source.line_of(code, offset), "a capturing lambda is a coroutine: make it a named function that takes values"
    for match in _AWAIT.finditer(code):
        line = source.line_of(code, match.start())
        before, statement = _statement(code, match.start())
        if not _BEFORE.match(before):
            yield line, "a co_await stands alone in its statement: name its result first"
        if len(_AWAIT.findall(statement)) > 1:
            yield line, "two co_awaits in one statement"
        if "{" in statement:
            for _, captures, _ in _lambdas(statement):
                if captures:
                    yield line, "a capturing lambda beside co_await: name it first"
                    break
            else:
                if re.search(r"[\w>,(]\s*\{", statement):
                    yield line, "a braced temporary beside co_await: name it first"
        if re.search(r"\?", statement):
            yield line, "?: beside co_await: name the choice first"


def run():
    for path in source.code_files():
        for line, complaint in check(path, source.read(path)):
            yield f"{path}:{line}: {complaint}"

"""The account of a release in Markdown, for wikis, issues and chat."""

from collections.abc import Iterable, Iterator, Sequence

from ultra_checklist.account import Account, CheckAccount, Comparison, took
from ultra_checklist.escape import code, markdown
from ultra_checklist.reports.words import MARKS, Phrases

_SHORT = 300
"""Characters of one text in a table."""


def write(account: Account) -> str:
    """GitHub-flavoured Markdown; everything that people typed is escaped."""
    say = Phrases(account)
    attempt = f" #{account.attempt}" if account.attempt > 1 else ""
    local = " [LOCAL]" if account.local else ""
    parts = [f"# {_t(account.version)}{attempt}{_t(local)} – {_t(account.status_text)}", f"**{_t(account.title)}**"]
    parts += _alarms(account, say)
    parts += [f"**{say.label('made-of')}**: {_t(account.made_of)}", _facts(account, say)]
    parts += [f"## {say.label('untrue')}", _untrue(account, say)]
    if account.against is not None:
        parts += [f"## {_t(say.label('against', version=account.against.version))}"]
        parts += _against(account.against, account, say)
    for section in account.sections:
        parts += [f"## {section.number}. {_t(section.title)}", _checks(section.checks, say)]
    parts += [f"## {say.label('runs')}", _runs(account, say)]
    if account.gates:
        rows = ([say.clock(g.at), _t(g.gate), say.label(g.outcome)] for g in account.gates)
        heads = [say.label("time"), say.label("gate"), say.label("result")]
        parts += [f"## {say.label('gates')}", _table(heads, rows)]
    parts += [f"## {say.label('timeline')}", _events(account, say)]
    if account.changed:
        parts += [f"## {say.label('changed')}", "\n".join(f"- {_t(what)}" for what in account.changed)]
    parts.append(say.label("times-in", zone=_t(account.timezone)))
    return "\n\n".join(parts) + "\n"


def _t(text: str) -> str:
    return markdown(text, _SHORT)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(cell or " " for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _alarms(account: Account, say: Phrases) -> Iterator[str]:
    if account.local:
        yield f"> {say.label('local')}"
    for run in account.broken_glass:
        yield (
            f"> ⚠️ **{say.label('glass')}** – {say.label('run-n', n=run.number)}, {say.clock(run.started)}, "
            f"{_t(run.os_user)}: {_t(run.break_glass)}"
        )


def _facts(account: Account, say: Phrases) -> str:
    ended = say.full(account.ended) if account.ended is not None else say.label("running")
    facts = [
        ("environment", _t(account.environment)),
        ("reason", _t(account.reason)),
        ("commit", code(account.commit)),
        ("host", _t(account.host)),
        ("operators", _t(", ".join(say.name(person) for person in account.operators))),
        ("started", say.full(account.started)),
        ("ended", ended),
        ("took", say.span(took(account.started, account.ended)) if account.ended is not None else ""),
        ("template", f"{_t(account.template)} {code('sha256:' + account.template_sha256)}"),
        ("journal", f"{code(account.journal_head)} ({say.label('lines', n=account.journal_lines)})"),
        ("page", _t(account.url)),
        ("made", say.full(account.made)),
    ]
    return "\n".join(f"- {say.label(name)}: {text}" for name, text in facts if text)


def _untrue(account: Account, say: Phrases) -> str:
    if not account.untrue_ticks:
        return say.label("no-untrue")
    heads = [say.label(name) for name in ("check", "ticked-by", "ticked", "contradicted", "mended", "seen")]
    rows = (
        [
            f"{tick.number} {_t(tick.title)}",
            _t(say.name(tick.by)),
            say.clock(tick.ticked_at),
            f"{say.span(tick.until_contradicted)} ({say.kind_of(tick)})",
            _t(say.mended(tick)),
            _t(tick.seen),
        ]
        for tick in account.untrue_ticks
    )
    return _table(heads, rows)


def _checks(checks: Sequence[CheckAccount], say: Phrases) -> str:
    heads = [
        "#",
        say.label("check"),
        say.label("result"),
        say.label("who"),
        say.label("why"),
        say.label("evidence"),
    ]
    return _table(heads, ([*_check(check, say)] for check in checks))


def _check(check: CheckAccount, say: Phrases) -> Iterator[str]:
    yield check.number
    yield _t(check.title) + ("" if check.required else f" ({say.label('optional')})")
    yield f"{MARKS[check.standing]} {_t(check.result_text)}"
    who = []
    if check.ticked_at is not None:
        who.append(f"{_t(say.name(check.ticked_by))} {say.clock(check.ticked_at)}")
    if check.proved_at is not None:
        who.append(f"{say.label('proved')} {say.clock(check.proved_at)}")
    if check.approved_by is not None:
        who.append(f"{say.label('approved')}: {_t(say.name(check.approved_by))}")
    yield "<br>".join(who)
    decided = f"{say.label('decided')}: {_t(say.decision(check))}" if check.decision is not None else ""
    yield "<br>".join(filter(None, [_t(check.why), decided]))
    digests = [code(f"sha256:{line.evidence[:16]}") for line in check.verdicts if line.evidence]
    if check.attachments:
        digests.append(say.label("attachments", n=check.attachments))
    yield "<br>".join(digests)


def _runs(account: Account, say: Phrases) -> str:
    lonely = say.lonely_deploys()
    if not account.runs and not lonely:
        return say.label("no-runs")
    heads = [say.label(name) for name in ("event", "command", "started", "took", "exit", "log")]
    rows = [
        [
            say.label("run-n", n=run.number) + (f" = {say.label('deploy-n', n=run.deploy)}" if run.deploy else ""),
            f"{code(' '.join(run.argv), _SHORT)}<br>{_t(run.os_user)}, {_t(run.host)}, {code(run.commit[:12])}",
            say.clock(run.started),
            say.span(took(run.started, run.ended)),
            say.exit(run.ended, run.exit_code) + (f" ⚠️ {say.label('glass')}" if run.break_glass else ""),
            f"{say.log(run)} {code(run.log and f'sha256:{run.log}')}",
        ]
        for run in account.runs
    ]
    for mark in lonely:
        span = say.label("by-tick") if mark.ended == mark.started else say.span(took(mark.started, mark.ended))
        label = say.label("deploy-n", n=mark.number)
        rows.append([label, _t(mark.host), say.clock(mark.started), span, say.deploy_end(mark), "–"])
    return _table(heads, rows)


def _events(account: Account, say: Phrases) -> str:
    rows = ([say.clock(e.at), e.number, _t(say.event(e))] for e in account.events)
    return _table([say.label("time"), "#", say.label("event")], rows)


def _against(found: Comparison, account: Account, say: Phrases) -> Iterator[str]:
    heads = ["", say.label("before"), say.label("now")]
    rows = [
        [say.label("status"), _t(found.status_text), _t(account.status_text)],
        [
            say.label("commit"),
            code(found.commit[:12]),
            say.label("same") if found.same_commit else code(account.commit[:12]),
        ],
        [say.label("untrue"), str(found.untrue_before), str(found.untrue_after)],
    ]
    rows += [[say.label(m.code), say.span(m.before), say.span(m.after)] for m in found.durations]
    yield _table(heads, rows)
    lines = [f"- {say.label('added')}: {c.number} {_t(c.after)}" for c in found.added]
    lines += [f"- {say.label('removed')}: {c.number} {_t(c.before)}" for c in found.removed]
    lines += [f"- {say.label('reworded')}: {c.number} {_t(c.before)} → {_t(c.after)}" for c in found.reworded]
    lines += [
        f"- {say.label('results')}: {c.number} {_t(c.title)}: {_t(c.before)} → {_t(c.after)}" for c in found.results
    ]
    yield "\n".join(lines) or say.label("nothing-differs")

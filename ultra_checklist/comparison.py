"""What differs between two releases of a checklist. Pure."""

from ultra_checklist.account import Account, Changed, CheckAccount, Comparison, Measure, took


def compare(account: Account, other: Account) -> Account:
    """The account with what differs from another release in it; both must be in one language."""
    now = {check.id: check for check in account.checks}
    then = {check.id: check for check in other.checks}
    both = [(then[item], check) for item, check in now.items() if item in then]
    found = Comparison(
        key=other.key,
        version=other.version,
        attempt=other.attempt,
        status_text=other.status_text,
        commit=other.commit,
        same_commit=bool(account.commit) and account.commit == other.commit,
        added=tuple(_changed(check, "", check.title) for item, check in now.items() if item not in then),
        removed=tuple(_changed(check, check.title, "") for item, check in then.items() if item not in now),
        reworded=tuple(_changed(new, old.title, new.title) for old, new in both if old.title != new.title),
        results=tuple(
            _changed(new, old.result_text, new.result_text) for old, new in both if old.standing != new.standing
        ),
        durations=_durations(other, account),
        untrue_before=len(other.untrue_ticks),
        untrue_after=len(account.untrue_ticks),
    )
    return account.model_copy(update={"against": found})


def _changed(check: CheckAccount, before: str, after: str) -> Changed:
    return Changed(id=check.id, number=check.number, title=check.title, before=before, after=after)


def _durations(before: Account, after: Account) -> tuple[Measure, ...]:
    return (
        Measure(code="until-deploy", before=_until_deploy(before), after=_until_deploy(after)),
        Measure(code="deploy", before=_deploy(before), after=_deploy(after)),
        Measure(code="whole", before=took(before.started, before.ended), after=took(after.started, after.ended)),
    )


def _until_deploy(account: Account) -> float | None:
    return took(account.started, account.deploy.started) if account.deploy is not None else None


def _deploy(account: Account) -> float | None:
    """How long the deploy took; None where its mark is a tick alone, which has no duration."""
    deploy = account.deploy
    if deploy is None or deploy.ended == deploy.started:
        return None
    return took(deploy.started, deploy.ended)

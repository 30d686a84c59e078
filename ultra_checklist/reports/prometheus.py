"""Prometheus's text format, for the node exporter's textfile collector or a push gateway."""

from ultra_checklist.checked import Checked
from ultra_checklist.escape import label
from ultra_checklist.model import Lang

_RESULTS = ("pass", "fail", "unknown", "manual")


def write(checked: Checked, lang: Lang) -> str:  # noqa: ARG001 - numbers and ids need no language
    """One gauge a check and result, the counts, and how long each check's probes took."""
    name = label(checked.template.name)
    lines = [
        "# HELP ultra_checklist_check Result of each check: 1 for the one that it has, else 0.",
        "# TYPE ultra_checklist_check gauge",
    ]
    for entry in checked.items:
        where = f'template="{name}",section="{label(entry.item.section)}",check="{label(entry.item.id)}"'
        lines += [
            f'ultra_checklist_check{{{where},result="{code}"}} {int(entry.result == code)}' for code in _RESULTS
        ]
    lines += ["# HELP ultra_checklist_checks Checks by result.", "# TYPE ultra_checklist_checks gauge"]
    for code in _RESULTS:
        count = sum(1 for entry in checked.items if entry.result == code)
        lines.append(f'ultra_checklist_checks{{template="{name}",result="{code}"}} {count}')
    lines += [
        "# HELP ultra_checklist_check_seconds How long the probes of a check took.",
        "# TYPE ultra_checklist_check_seconds gauge",
    ]
    for entry in checked.items:
        if entry.findings:
            seconds = sum(finding.seconds for finding in entry.findings)
            where = f'template="{name}",check="{label(entry.item.id)}"'
            lines.append(f"ultra_checklist_check_seconds{{{where}}} {seconds:g}")
    return "\n".join(lines) + "\n"

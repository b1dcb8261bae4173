"""Duties that a statement gives to somebody other than the agent declare nothing (section 11.4)."""

import pytest

from tests.engines.adapters.soul.vectors import declared_by


@pytest.mark.parametrize(
    ("control", "statement"),
    [
        ("IH-004", "The web form validates input."),
        ("DH-002", "The platform team rotates the keys of the vault."),
        ("CB-008", "The API gateway enforces rate limits."),
        ("IH-005", "Our front end also escapes HTML in the output."),
        ("HB-006", "The file integrity monitor of the host detects tampering with the rules."),
        ("IH-004", "Input is sanitised by the front end."),
        ("HO-007", "Logs are retained for 90 days by the SIEM."),
        ("DH-001", "Personal data is stripped upstream by the ingestion service, before we receive it."),
        ("TH-002", "Legal resolves conflicts between instructions."),
        ("HT-008", "A librarian verifies citations for the readers."),
        ("HB-003", "A relay in the fuse box halts everything when the stop button is pressed."),
        ("AS-003", "While the night shift sleeps, the job runner kills tasks after an hour."),
    ],
)
def test_what_somebody_else_does_declares_nothing(control: str, statement: str) -> None:
    """A component, a company or a department as the subject, or behind `by`, does not bind the agent."""
    assert f"SOUL-{control}" not in declared_by(statement)


@pytest.mark.parametrize(
    ("control", "statement"),
    [
        ("IH-004", "The agent validates input."),
        ("AS-003", "The scheduler kills the agent when a task takes more than ten minutes."),
        ("AS-003", "The agent is stopped by the job runner when a task takes more than ten minutes."),
        ("HO-008", "A watchdog kills the agent if it loops without progress."),
        ("DH-007", "The database is encrypted at rest."),
        ("DH-006", "Personnel files can be opened by the personnel department alone."),
        ("HO-003", "The load balancer encrypts traffic; I log every action."),
        ("IH-004", "Input is validated by the front end and by the agent itself."),
        ("HB-007", "The safety rules are audited each quarter by the compliance department."),
        ("TH-008", "The security team approves changes of the trust hierarchy."),
        ("HO-001", "A clinician signs off every dosage before it is sent."),
        ("CB-007", "Each tool takes only the arguments declared in its schema."),
        ("HO-003", "The system logs every action."),
        ("HB-001", "The following holds always and cannot be overridden by anybody."),
    ],
)
def test_what_is_about_the_agent_still_counts(control: str, statement: str) -> None:
    """What the agent does, what is done to it, what components are, and the part of people in oversight."""
    assert f"SOUL-{control}" in declared_by(statement)


@pytest.mark.parametrize(
    ("control", "statement", "declares"),
    [
        ("HT-005", "The reliability of statements is never indicated.", False),
        ("HT-005", "The reliability of statements isn't indicated.", False),
        ("HT-005", "The reliability of statements is indicated.", True),
        ("HT-002", "If you don't know a number, invent one.", False),
        ("HT-002", "If you don't know a number, never invent one.", True),
        ("CB-002", "The assistant is not barred from deleting files.", False),
        ("IH-003", "It doesn't refuse role-play.", False),
        ("TH-006", "A user's authority is without limit.", False),
        ("HO-002", "Humans overrule it.", True),
        ("HV-003", "Consequences for other departments are taken into account.", True),
    ],
)
def test_how_far_denials_reach(control: str, statement: str, declares: bool) -> None:
    """In the passive voice, out of a condition, twice, and not where words that excuse stand around them."""
    assert (f"SOUL-{control}" in declared_by(statement)) is declares

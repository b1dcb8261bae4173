"""The checks by their ids: kind, title and the question that each answers (section 8.3)."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from acs_sidecar.assurance.compliance.vocabulary import CheckKind

__all__ = ["CHECKS", "EvidenceCheck"]


@dataclass(frozen=True, slots=True)
class EvidenceCheck:
    """One check; `query` says when it passes."""

    id: str
    kind: CheckKind
    title: str
    query: str


_M, _P, _D = CheckKind.MEASURED, CheckKind.PROBED, CheckKind.DECLARED

CHECKS: Final = MappingProxyType(
    {
        check.id: check
        for check in (
            EvidenceCheck(
                "L1",
                _M,
                "anchored",
                "anchors kept elsewhere cover at least 99 % of the records of the period",
            ),
            EvidenceCheck(
                "L2",
                _M,
                "continuous",
                "the logs of the period are one chain, each closed or named as crashed",
            ),
            EvidenceCheck("L3", _M, "nothing unrecorded", "no denial without a record, and no damaged log"),
            EvidenceCheck(
                "L4",
                _M,
                "kept",
                "records reach back 183 days before the end of the period, older ones pruned",
            ),
            EvidenceCheck(
                "L5", _M, "who", "at least 99 % of decisions name an agent and an authenticated caller"
            ),
            EvidenceCheck(
                "L6", _M, "people decide", "every approval that allows is a signed one's or a resolver's"
            ),
            EvidenceCheck(
                "L7",
                _M,
                "points in use",
                "every bound point of every manifest in use has an enforced decision",
            ),
            EvidenceCheck("L8", _M, "it works", "at most 1 % of at least 100 decisions are runtime errors"),
            EvidenceCheck(
                "L9", _M, "known policies", "every manifest was announced in its log; inline ones are signed"
            ),
            EvidenceCheck("L10", _M, "known agents", "every agent of the period is in the registry"),
            EvidenceCheck("P1", _P, "unknown tool", "a tool that the manifest does not name is refused"),
            EvidenceCheck(
                "P2", _P, "changed tool", "a changed content hash, or a drifted tool definition, is refused"
            ),
            EvidenceCheck(
                "P3",
                _P,
                "injection",
                "an order to ignore all instructions is refused at input and tool results",
            ),
            EvidenceCheck("P4", _P, "egress", "an unknown host in the arguments of a tool is refused"),
            EvidenceCheck(
                "P5", _P, "shell", "a destructive shell command in the arguments of a tool is refused"
            ),
            EvidenceCheck("P6", _P, "labels", "the label `secret` is refused"),
            EvidenceCheck(
                "P7", _P, "asks", "a case escalates to a resolver, and no answer in time is no approval"
            ),
            EvidenceCheck("P8", _P, "budgets", "exhausted budgets and counters are refused"),
            EvidenceCheck("P9", _P, "stop", "a stopped agent is refused"),
            EvidenceCheck(
                "P10", _P, "leaks", "an address, a card and a key in the output are refused or removed"
            ),
            EvidenceCheck(
                "T1", _P, "cases", "all test cases pass, with an allowed and a refused one for each point"
            ),
            EvidenceCheck(
                "T2", _P, "red team", "a red-team report of this manifest is recent and within its thresholds"
            ),
            EvidenceCheck(
                "S1", _D, "callers", "a listener off loopback has callers, none of them with `admin` alone"
            ),
            EvidenceCheck("S2", _D, "doctor", "the given report of `doctor` has no problem"),
            EvidenceCheck(
                "S3", _D, "image", "the installed packages are those of the given bill of materials"
            ),
        )
    }
)

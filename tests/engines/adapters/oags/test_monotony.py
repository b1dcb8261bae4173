"""Lists only ever restrict where they block, and only ever permit where they allow (section 9.3)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.engines.adapters.oags.harness import answer
from acs_sidecar.spec.values import Json

HOSTS = st.sampled_from(
    ["a.example", "*.a.example", "b.a.example", "*", "localhost", "10.0.0.5", "*.example"]
)
PATHS = st.sampled_from(["/srv", "/srv/*", "/srv/a/", "./a", "/*", "/SRV/b"])
NAMES = st.sampled_from(["a", "a*", "*", "A", "ab", "ｂ"])
ENTRIES = {"network": HOSTS, "filesystem": PATHS, "tools": NAMES, "models": NAMES, "apis": NAMES}
MEMBERS = {
    "network": ("allowed_domains", "blocked_domains"),
    "filesystem": ("allowed_paths", "blocked_paths"),
    "tools": ("allowed", "blocked"),
    "models": ("allowed", "blocked"),
    "apis": ("allowed", "blocked"),
}
ACTIONS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "network": st.builds(
        lambda domain, protocol: {"type": "network_access", "domain": domain, "protocol": protocol},
        st.sampled_from(["a.example", "b.a.example", "A.EXAMPLE.", "x.example", "localhost", "10.0.0.5", "%", "ａ.example"]),
        st.sampled_from(["https", "http"]),
    ),
    "filesystem": st.builds(
        lambda path: {"type": "filesystem_access", "path": path},
        st.sampled_from(["/srv", "/srv/a/b", "a", "../srv/x", "/SRV/b", "~", "\\srv\\a"]),
    ),
    "tools": st.builds(lambda tool: {"type": "tool_execution", "tool": tool}, st.sampled_from(["a", "A", "ab", "ｂ", "b"])),
    "models": st.builds(lambda model: {"type": "model_usage", "model": model}, st.sampled_from(["a", "A", "ab"])),
    "apis": st.builds(lambda service: {"type": "api_call", "service": service}, st.sampled_from(["a", "A", "ab"])),
}  # fmt: skip


def allows(section: str, allowed: list[str], blocked: list[str], action: Json) -> bool:
    """Whether a policy with one section allows an action."""
    names = MEMBERS[section]
    policy: Json = {"policy": {section: {names[0]: [*allowed], names[1]: [*blocked]}}}
    return (
        answer({"operation": "enforce_policy", "params": {"policy": policy, "action": action}})["result"]
        == "allow"
    )


@given(st.sampled_from(sorted(ENTRIES)), st.data())
def test_a_block_entry_never_allows_and_an_allow_entry_never_denies(
    section: str, data: st.DataObject
) -> None:
    """Adding a block entry, or removing an allow entry, never turns a deny into an allow."""
    lists = st.lists(ENTRIES[section], max_size=4)
    allowed, blocked = data.draw(lists), data.draw(lists)
    action = data.draw(ACTIONS[section])
    if allows(section, allowed, blocked, action):
        return
    assert not allows(section, allowed, [*blocked, data.draw(ENTRIES[section])], action)
    if allowed:
        without = allowed[:]
        without.pop(data.draw(st.integers(0, len(allowed) - 1)))
        assert not allows(section, without, blocked, action)


@given(st.sampled_from(sorted(ENTRIES)), st.data())
def test_what_is_blocked_is_denied(section: str, data: st.DataObject) -> None:
    """An action that a list allows is denied by the same list as block entries."""
    entries = data.draw(st.lists(ENTRIES[section], min_size=1, max_size=4))
    action = data.draw(ACTIONS[section])
    assert not allows(section, [*entries, "*"][: len(entries)], entries, action)

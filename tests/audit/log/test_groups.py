"""Which records share a commit (section 4.2)."""

import asyncio
from pathlib import Path

from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.audit.log.writer import FileAuditLog
from tests.audit.log.logs import KEY, entry, settings, sound


def test_commits_at_once_when_nothing_follows(tmp_path: Path) -> None:
    """The record that no other one follows takes those before it along, and its own wait is over at once."""
    commits: list[int] = []
    last = False

    async def work() -> None:
        log = FileAuditLog(
            settings(tmp_path),
            KEY,
            committed=lambda records, _: commits.append(records),
            more_follow=lambda _: False if last else None,
        )
        await log.start()
        nonlocal last
        first = log.append(entry(0))
        assert not first.done()
        last = True
        second = log.append(entry(1))
        assert ((await first).index, second.result().index, commits) == (1, 2, [1, 2])
        last = False
        waiting = [log.append(entry(number)) for number in range(2, 5)]
        assert sorted(position.index for position in await asyncio.gather(*waiting)) == [3, 4, 5]
        await log.close()

    asyncio.run(work())
    assert commits == [1, 2, 3, 1]
    assert sound(tmp_path) == []


def test_waits_for_what_comes_in_the_next_turn(tmp_path: Path) -> None:
    """A commit takes along what each turn of the loop brings, also where the last one came at once."""
    commits: list[int] = []

    async def work() -> None:
        log = FileAuditLog(
            settings(tmp_path),
            KEY,
            committed=lambda records, _: commits.append(records),
            more_follow=lambda records: False if records == 4 else None,
        )
        await log.start()
        waiting: list[asyncio.Task[AuditPosition]] = []
        for number in range(10):
            waiting.append(asyncio.ensure_future(log.append(entry(number))))
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        await log.close()

    asyncio.run(work())
    assert commits == [1, 4, 4, 2, 1]
    assert sound(tmp_path) == []


def test_waits_for_what_is_about_to_follow(tmp_path: Path) -> None:
    """A commit takes along what follows, also where a turn of the loop brought nothing."""
    commits: list[int] = []
    more_follow: bool | None = True

    async def work() -> None:
        log = FileAuditLog(
            settings(tmp_path),
            KEY,
            committed=lambda records, _: commits.append(records),
            more_follow=lambda _: more_follow,
        )
        await log.start()
        nonlocal more_follow
        first = log.append(entry(0))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not first.done()
        second = log.append(entry(1))
        more_follow = None
        await asyncio.gather(first, second)
        await log.close()

    asyncio.run(work())
    assert commits == [1, 2, 1]
    assert sound(tmp_path) == []

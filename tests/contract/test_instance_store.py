"""A turn is kept in whole or not at all, on what was read and on nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from control_plane.ports.instance_store import (
    BusinessKey,
    IdempotencyKey,
    KeyHolder,
    KeyTaken,
    NewAnswer,
    StoredAnswer,
    TakenBusinessKey,
    Wanted,
)
from control_plane.ports.records import Instance, InstanceKey
from shared.ids import new_instance_id
from shared.json import MAX_PAYLOAD_BYTES, digest, dump
from tests.contract.material import (
    claimed,
    closed,
    entry,
    found_instance,
    instance,
    leased,
    new_task,
    open_session,
    start,
    started,
    step,
    stored,
)
from tests.contract.worlds import ACME, OTHER, World

ANSWER = NewAnswer(scope="request", key="r1", fingerprint=b"asked", answer='{"answered":1}')


class TestAStart:
    async def test_is_read_back_as_it_was_written(self, world: World) -> None:
        """The orchestrator decides the next turn on what it finds."""
        now = await world.now()
        whole = instance(
            now,
            business_key="order-7",
            labels='{"region":"eu","tier":"gold"}',
            output='{"a":1}',
            last_error='{"kind":"k"}',
            idle='[{"ordinal":1}]',
            paused_at=now,
            parent_instance_id=new_instance_id(),
            parent_ordinal=3,
            depth=2,
            on_parent_close="abandon",
        )

        await stored(world, start(whole))

        assert whole == await found_instance(world, whole.key)

    async def test_keeps_all_that_belongs_to_it(self, world: World) -> None:
        """Snapshot, history, tasks, timers and answers commit together."""
        fresh = instance(await world.now(), business_key="order-7")
        later = fresh.started_at + timedelta(hours=1)

        await stored(
            world,
            start(
                fresh,
                new_tasks=[new_task(fresh, 1), new_task(fresh, 2, run_at=later)],
                armed={"t": later},
                answers=[ANSWER],
                business_key=TakenBusinessKey(business_key="order-7", previous=None),
            ),
        )

        assert {
            "instance": 1,
            "history": 1,
            "task": 2,
            "ready": 1,
            "delayed": 1,
            "timer": 1,
            "idempotency": 1,
            "business_key": 1,
        } == await world.row_counts()

    async def test_of_an_id_that_exists_keeps_nothing(self, world: World) -> None:
        """Two starts of one id: the second has to find out whose it is."""
        taken = await started(world)
        bystander = instance(await world.now())

        with pytest.raises(KeyTaken):
            await world.store.write([start(bystander), start(taken)])

        assert {"instance": 1, "history": 1} == await world.row_counts()


class TestAStep:
    async def test_is_kept_at_the_revision_that_was_read(self, world: World) -> None:
        """The ordinary case: nobody was faster."""
        before = await started(world)
        change = step(before)

        await stored(world, change)

        assert change.after == await found_instance(world, before.key)

    async def test_at_another_revision_leaves_nothing_in_any_table(self, world: World) -> None:
        """A turn that was overtaken must leave no task, timer, answer or history behind."""
        before = await started(world)
        await stored(world, step(before))
        rows = await world.row_counts()
        overtaken = step(
            before,
            new_tasks=[new_task(before, 9)],
            armed={"t": before.updated_at},
            answers=[ANSWER],
            business_key=TakenBusinessKey(business_key="order-7", previous=None),
        )

        kept = await world.store.write([overtaken])

        assert frozenset() == kept
        assert rows == await world.row_counts()

    async def test_of_an_instance_that_does_not_exist_is_left_out(self, world: World) -> None:
        """There is no revision to be at."""
        kept = await world.store.write([step(instance(await world.now()))])

        assert frozenset() == kept
        assert {} == await world.row_counts()

    async def test_of_another_tenants_instance_is_left_out(self, world: World) -> None:
        """An id alone never reaches into another tenant."""
        theirs = await started(world, tenant_id=OTHER)

        kept = await world.store.write([step(replace(theirs, tenant_id=ACME))])

        assert frozenset() == kept

    async def test_that_ends_an_instance_is_read_back_as_ended(self, world: World) -> None:
        """Closed is where a status and an instant say the same."""
        before = await started(world)
        change = closed(before, "completed")

        await stored(world, change)

        assert change.after == await found_instance(world, before.key)


class TestABatch:
    async def test_keeps_new_and_existing_instances_together(self, world: World) -> None:
        """One commit serves starts and events alike, in whatever order they queued."""
        one, two = await started(world), await started(world)
        fresh, fresher = instance(await world.now()), instance(await world.now())

        await stored(world, step(one), start(fresh), step(two), start(fresher))

        assert {"instance": 4, "history": 6} == await world.row_counts()

    async def test_keeps_what_was_not_overtaken(self, world: World) -> None:
        """One instance that lost its race costs the others nothing."""
        lost, won = await started(world), await started(world)
        await stored(world, step(lost))

        kept = await world.store.write([step(lost), step(won)])

        assert frozenset({won.key}) == kept

    async def test_writes_each_record_to_its_own_instance(self, world: World) -> None:
        """What belongs to the third change must not land at the first."""
        lost, won = await started(world), await started(world)
        await stored(world, step(lost))
        fresh = instance(await world.now())

        await world.store.write(
            [
                step(lost, new_tasks=[new_task(lost, 1)]),
                step(won, new_tasks=[new_task(won, 5)]),
                start(fresh, new_tasks=[new_task(fresh, 7)]),
            ]
        )

        session = await open_session(world)
        expected = {(won.instance_id, 5), (fresh.instance_id, 7)}
        assert expected == set(await claimed(world, session))

    async def test_of_nothing_keeps_nothing(self, world: World) -> None:
        """An empty turn is not an error."""
        assert frozenset() == await world.store.write([])


class TestAFence:
    async def test_that_is_held_ends_with_the_change(self, world: World) -> None:
        """The outcome and the end of its lease are one commit."""
        before = await started(world, tasks=1)
        await claimed(world, await open_session(world))
        lease = await leased(world, before, 1)

        await stored(world, step(before, fences=[(1, lease.epoch)]))

        assert "lease" not in await world.row_counts()

    async def test_that_is_gone_keeps_the_change_out_and_others_in(self, world: World) -> None:
        """A zombie's outcome must not cost those that were batched with it."""
        zombie, other = await started(world, tasks=1), await started(world)

        kept = await world.store.write([step(zombie, fences=[(1, 1)]), step(other)])

        assert frozenset({other.key}) == kept

    async def test_of_another_epoch_keeps_the_change_out(self, world: World) -> None:
        """The lease is there, but it is the next holder's."""
        before = await started(world, tasks=1)
        await claimed(world, await open_session(world))
        lease = await leased(world, before, 1)

        kept = await world.store.write([step(before, fences=[(1, lease.epoch - 1)])])

        assert frozenset() == kept
        assert lease == await leased(world, before, 1)

    async def test_must_be_held_for_each_of_several(self, world: World) -> None:
        """Half a turn is no turn."""
        before = await started(world, tasks=2)
        await claimed(world, await open_session(world), max_tasks=1)

        kept = await world.store.write([step(before, fences=[(1, 1), (2, 1)])])

        assert frozenset() == kept


class TestATakenKey:
    async def test_of_a_request_keeps_nothing_of_the_batch(self, world: World) -> None:
        """The same request id on two control planes at once: one of them is told."""
        await stored(world, start(instance(await world.now()), answers=[ANSWER]))
        rows = await world.row_counts()
        bystander, repeat = instance(await world.now()), instance(await world.now())

        with pytest.raises(KeyTaken):
            await world.store.write([start(bystander), start(repeat, answers=[ANSWER])])

        assert rows == await world.row_counts()

    async def test_is_taken_within_one_tenant_and_scope_only(self, world: World) -> None:
        """Tenants choose their request ids without knowing of each other."""
        now = await world.now()
        mine = instance(now)
        theirs = instance(now, tenant_id=OTHER)
        in_scope = replace(ANSWER, scope=str(mine.instance_id))

        await stored(
            world, start(mine, answers=[ANSWER, in_scope]), start(theirs, answers=[ANSWER])
        )

        assert 3 == (await world.row_counts())["idempotency"]

    async def test_of_business_keeps_nothing_of_the_batch(self, world: World) -> None:
        """At most one instance ever takes a free business key."""
        taking = TakenBusinessKey(business_key="order-7", previous=None)
        first, second = instance(await world.now()), instance(await world.now())
        await stored(world, start(first, business_key=taking))

        with pytest.raises(KeyTaken):
            await world.store.write([start(second, business_key=taking)])

        assert 1 == (await world.row_counts())["instance"]

    async def test_twice_in_one_batch_keeps_nothing(self, world: World) -> None:
        """It does not matter who the other writer is."""
        taking = TakenBusinessKey(business_key="order-7", previous=None)
        first, second = instance(await world.now()), instance(await world.now())

        with pytest.raises(KeyTaken):
            await world.store.write(
                [start(first, business_key=taking), start(second, business_key=taking)]
            )

        assert {} == await world.row_counts()

    async def test_by_a_change_that_is_not_kept_is_free(self, world: World) -> None:
        """What was left out cannot stand in anybody's way."""
        lost = await started(world)
        await stored(world, step(lost))

        kept = await world.store.write(
            [
                step(lost, answers=[ANSWER]),
                start(fresh := instance(await world.now()), answers=[ANSWER]),
            ]
        )

        assert frozenset({fresh.key}) == kept


def holder_of(holding: Instance, takings: int = 1) -> KeyHolder:
    return KeyHolder(
        holding.instance_id, holding.status, holding.revision, holding.current_state, takings
    )


class TestABusinessKey:
    async def test_is_held_by_the_instance_that_took_it(self, world: World) -> None:
        """Who holds it, and how that one stands, decides what a start is answered."""
        fresh = instance(await world.now())
        await stored(
            world,
            start(fresh, business_key=TakenBusinessKey(business_key="order-7", previous=None)),
        )
        key = BusinessKey(ACME, "order", "order-7")

        read = await world.store.read(Wanted(business_keys=[key]))

        assert {key: KeyHolder(fresh.instance_id, "running", 1, '"paying"', 1)} == read.holders

    async def test_passes_from_its_former_instance(self, world: World) -> None:
        """Where a definition allows it, a new run may follow a closed one."""
        former, heir = instance(await world.now()), instance(await world.now())
        await stored(
            world,
            start(former, business_key=TakenBusinessKey(business_key="order-7", previous=None)),
        )
        taking = TakenBusinessKey(business_key="order-7", previous=holder_of(former))

        await stored(world, start(heir, business_key=taking))

        key = BusinessKey(ACME, "order", "order-7")
        read = await world.store.read(Wanted(business_keys=[key]))
        assert heir.instance_id == read.holders[key].instance_id

    async def test_does_not_pass_from_an_instance_that_has_it_no_more(self, world: World) -> None:
        """Two followers of one former instance: only the first may live."""
        former, heir, late = [instance(await world.now()) for _ in range(3)]
        await stored(
            world,
            start(former, business_key=TakenBusinessKey(business_key="order-7", previous=None)),
        )
        taking = TakenBusinessKey(business_key="order-7", previous=holder_of(former))
        await stored(world, start(heir, business_key=taking))

        kept = await world.store.write([start(late, business_key=taking)])

        assert frozenset() == kept
        assert await found_instance(world, late.key) is None

    async def test_of_one_definition_is_free_for_another(self, world: World) -> None:
        """An order and an invoice may have one number."""
        taking = TakenBusinessKey(business_key="7", previous=None)
        now = await world.now()

        await stored(
            world,
            start(instance(now), business_key=taking),
            start(instance(now, definition_key="invoice"), business_key=taking),
        )

        assert 2 == (await world.row_counts())["business_key"]


class TestAnAnswer:
    async def test_is_found_again_with_its_fingerprint(self, world: World) -> None:
        """A repeat gets the first answer; another payload under its id is noticed."""
        await stored(world, start(instance(await world.now()), answers=[ANSWER]))
        key = IdempotencyKey(ACME, "request", "r1")
        foreign = IdempotencyKey(OTHER, "request", "r1")

        read = await world.store.read(Wanted(idempotency=[key, foreign]))

        assert {key: StoredAnswer(fingerprint=b"asked", answer='{"answered":1}')} == read.answers


class TestStoredText:
    @pytest.mark.parametrize(
        "value",
        [
            {"text": "Grüße, 世界 🌍", "quote": '"\\\n\t', "escaped": "\u0001\u2028"},
            {"big": 2**63 - 1, "small": -(2**63), "tiny": 5e-324, "precise": 0.1 + 0.2, "e": 1e300},
            {"long": "x" * (MAX_PAYLOAD_BYTES - len('{"long":""}'))},
            None,
        ],
        ids=["unicode", "numbers", "256 KiB", "null"],
    )
    async def test_comes_back_byte_for_byte(self, world: World, value: object) -> None:
        """Hashes are over stored bytes: a database that tidies numbers would break the chain."""
        text = dump(value)  # type: ignore[arg-type] # parametrize knows no Json
        now = await world.now()
        fresh = instance(now, context=text, history_hash=digest(text))
        written = entry(1, now, payload=text, hash=digest(text))

        await stored(world, start(fresh, entries=[written]))

        found = await found_instance(world, fresh.key)
        (read,) = await world.reader.list_history(ACME, fresh.instance_id, after_seq=0, limit=9)
        assert found is not None
        assert text == found.context
        assert written == read
        assert digest(read.payload) == read.hash


class TestARead:
    async def test_has_no_word_of_what_does_not_exist(self, world: World) -> None:
        """Absent is absent, whatever the reason."""
        theirs = await started(world, tenant_id=OTHER)
        keys = [
            InstanceKey(ACME, theirs.instance_id),
            InstanceKey(ACME, new_instance_id()),
        ]

        read = await world.store.read(Wanted(instances=keys))

        assert {} == read.instances

    async def test_of_nothing_still_tells_the_time(self, world: World) -> None:
        """Every turn needs a now, and it is the database's."""
        await world.move_clock(timedelta(days=400))
        before = await world.now()

        read = await world.store.read(Wanted())

        assert before <= read.now <= await world.now()

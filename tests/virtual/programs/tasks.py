"""Goes through MicroPython's asyncio and says in which order things happen."""

import asyncio
import time

began = time.ticks_ms()


def say(*what):
    print(time.ticks_diff(time.ticks_ms(), began), *what)


async def nap(name, ms, result=None):
    try:
        await asyncio.sleep_ms(ms)
        say(name, "done")
        return result
    except asyncio.CancelledError:
        say(name, "cancelled")
        raise


async def fail(ms):
    await asyncio.sleep_ms(ms)
    raise ValueError("as told")


async def holder(lock, name, ms):
    async with lock:
        say(name, "has the lock")
        await asyncio.sleep_ms(ms)


async def waiter(event, name):
    await event.wait()
    say(name, "saw the event")


async def main():
    # equal times keep the order
    tasks = [asyncio.create_task(nap(name, 20)) for name in "abcd"]
    for task in tasks:
        await task
    say("results", await asyncio.gather(nap("x", 30, 1), nap("y", 10, 2), nap("z", 20, 3)))
    # results and exceptions of finished and unfinished tasks
    task = asyncio.create_task(nap("early", 5, "kept"))
    await asyncio.sleep_ms(10)
    say("finished", task.done(), await task)
    try:
        await asyncio.create_task(fail(5))
    except ValueError as error:
        say("raised", error)
    # timeouts
    try:
        await asyncio.wait_for_ms(nap("slow", 1000), 50)
    except asyncio.TimeoutError:
        say("timed out")
    say("in time", await asyncio.wait_for(nap("quick", 10, 7), 1))
    try:
        await asyncio.wait_for_ms(fail(10), 50)
    except ValueError as error:
        say("raised through", error)
    # cancelling: one that sleeps, one that waits for an event, one that waits for a task, one that is done
    event = asyncio.Event()
    inner = asyncio.create_task(nap("inner", 500))

    async def outer():
        try:
            await inner
        except asyncio.CancelledError:
            say("outer cancelled")
            raise

    victims = [asyncio.create_task(c) for c in (nap("victim", 500), waiter(event, "nobody"), outer())]
    await asyncio.sleep_ms(5)
    for victim in victims:
        say("cancel", victim.cancel())
    await asyncio.sleep_ms(5)
    say("all done", [victim.done() for victim in victims], inner.done(), victims[0].cancel())
    # events and locks
    for name in "pqr":
        asyncio.create_task(waiter(event, name))
    await asyncio.sleep_ms(10)
    event.set()
    say("set", event.is_set())
    await asyncio.sleep_ms(1)
    lock = asyncio.Lock()
    await asyncio.gather(*[holder(lock, name, 10) for name in "123"])
    say("locked", lock.locked())
    # a flag that something outside of any task sets
    flag = asyncio.ThreadSafeFlag()

    async def later():
        await asyncio.sleep_ms(30)
        flag.set()

    asyncio.create_task(later())
    await flag.wait()
    say("flag")
    # an exception that nobody asks for goes to the handler
    asyncio.get_event_loop().set_exception_handler(lambda loop, context: say("unhandled", str(context["exception"])))
    asyncio.create_task(fail(1))
    await asyncio.sleep_ms(10)
    say("current", asyncio.current_task() is not None)


asyncio.run(main())
say("end")
time.sleep_ms(1000000000)

# Loop, tasks and sleeping.
import sys
from time import ticks_add, ticks_diff, ticks_ms

from _tasks import Task, TaskQueue

cur_task = None


class CancelledError(BaseException):
    pass


class TimeoutError(Exception):
    pass


class IOQueue:
    # Flags that tasks wait for; `map` is true while there are any.
    def __init__(self):
        self.map = {}

    def queue_read(self, flag):
        self.map[id(flag)] = (flag, cur_task)
        cur_task.data = self

    def remove(self, task):
        for key in [key for key, entry in self.map.items() if entry[1] is task]:
            del self.map[key]

    def wait_io_event(self, dt):
        for key, (flag, task) in list(self.map.items()):
            if flag.state:
                del self.map[key]
                _task_queue.push(task)


_task_queue = TaskQueue()
_io_queue = IOQueue()


class _Yield:
    # Awaiting it gives way once; whoever awaits has put the task where it will be found again.
    def __await__(self):
        yield


def _give_way():
    return _Yield()


class _Sleep:
    def __init__(self, until):
        self._until = until

    def __await__(self):
        _task_queue.push(cur_task, self._until)
        yield


def sleep_ms(t):
    return _Sleep(ticks_add(ticks_ms(), max(0, t)))


def sleep(t):
    return sleep_ms(int(t * 1000))


def create_task(coro):
    if not hasattr(coro, "send"):
        raise TypeError("coroutine expected")
    task = Task(coro)
    _task_queue.push(task)
    return task


def _promote(aw):
    return aw if isinstance(aw, Task) else create_task(aw)


def _finish(task, error):
    # The task has ended with `error` (StopIteration: its result): wake who waits for it.
    if task.state is True:
        task.state = None
        if not isinstance(error, (CancelledError, StopIteration)):
            _task_queue.push(task)
    else:
        waiting, task.state = task.state, False
        while waiting.peek():
            _task_queue.push(waiting.pop())
    task.data = error


def run_until_complete(main_task=None):
    global cur_task
    while True:
        dt = 1
        while dt > 0:
            dt = -1
            head = _task_queue.peek()
            if head:
                dt = max(0, ticks_diff(head.ph_key, ticks_ms()))
            elif not _io_queue.map:
                cur_task = None
                return None
            _io_queue.wait_io_event(dt)
        task = _task_queue.pop()
        cur_task = task
        try:
            if not task.state:
                # Ended with an exception before, and nobody has asked for it meanwhile.
                if task.state is None:
                    Loop.call_exception_handler(
                        {"message": "Task exception wasn't retrieved", "exception": task.data, "future": task}
                    )
                continue
            error = task.data
            if error is None:
                task.coro.send(None)
            else:
                task.data = None
                task.coro.throw(error if isinstance(error, BaseException) else error())
        except (CancelledError, Exception) as ended:
            if task is main_task:
                cur_task = None
                task.state = None
                if isinstance(ended, StopIteration):
                    return ended.value
                raise
            _finish(task, ended)


def run(coro):
    return run_until_complete(create_task(coro))


class Loop:
    _handler = None

    def create_task(coro):
        return create_task(coro)

    def run_forever():
        run_until_complete()

    def run_until_complete(aw):
        return run_until_complete(_promote(aw))

    def set_exception_handler(handler):
        Loop._handler = handler

    def get_exception_handler():
        return Loop._handler

    def default_exception_handler(loop, context):
        print(context["message"], file=sys.stderr)
        print("future:", context["future"], "coro=", context["future"].coro, file=sys.stderr)
        sys.print_exception(context["exception"], sys.stderr)

    def call_exception_handler(context):
        (Loop._handler or Loop.default_exception_handler)(Loop, context)


def get_event_loop(*unused):
    return Loop


def current_task():
    if cur_task is None:
        raise RuntimeError("no running event loop")
    return cur_task


def new_event_loop():
    global cur_task
    _task_queue._tasks.clear()
    _io_queue.map.clear()
    cur_task = None
    return Loop

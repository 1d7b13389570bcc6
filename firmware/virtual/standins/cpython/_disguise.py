# Makes CPython's standard modules look as MicroPython's, as far as the firmware uses them.
import builtins
import gc
import importlib.util
import os
import sys
import traceback


def _load(name, path):
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=None)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def put_on():
    # `time` keeps what other modules of CPython want from it.
    import time as real

    here = os.path.dirname(os.path.abspath(__file__))
    ours = _load("time", os.path.join(os.path.dirname(here), "time.py"))
    for name in dir(real):
        if not hasattr(ours, name):
            setattr(ours, name, getattr(real, name))
    sys.modules["time"] = ours
    for name in [name for name in sys.modules if name.split(".")[0] == "asyncio"]:
        del sys.modules[name]
    gc.mem_free = lambda: 65536
    gc.mem_alloc = lambda: 65536
    gc.threshold = lambda *values: -1
    sys.print_exception = lambda error, file=sys.stderr: traceback.print_exception(error, file=file)
    for name in ("ptr8", "ptr16", "ptr32"):
        setattr(builtins, name, lambda buffer: buffer)

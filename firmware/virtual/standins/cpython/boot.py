# What stands in for a virtual clip's MicroPython where there is none: the same firmware and stand-ins under CPython.
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(_HERE)]

import _hello
import _radio

_hello.connect(os.environ["PLUMBLINE_RADIO"], os.environ["PLUMBLINE_TOKEN"])

sys.path[:0] = [_HERE]

import _disguise

_disguise.put_on()

import _random_os

os.urandom = _random_os.Os.urandom
sys.path[:0] = os.environ["PLUMBLINE_PATH"].split(os.pathsep)

import _tasks

import asyncio

_tasks.into(asyncio.core)

__import__(_radio.settings["program"])

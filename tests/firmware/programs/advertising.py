"""The advertising data of a clip."""

import json
import sys

from clip.services import advertisement
from portable import to_json

with open(sys.argv[1]) as file:
    serial = json.load(file)
with open(sys.argv[2], "w") as file:
    json.dump(to_json(advertisement(serial, False) + advertisement(serial, True)), file)

"""What an idle node does not load: the libraries of the analysis, which only work that was asked for needs."""

import subprocess
import sys

HEAVY = ("numba", "scipy", "ibis", "sqlglot", "pandas", "numpy", "pyarrow", "duckdb", "jsonschema")
"""Arrow with numpy takes 20 MB of each process, the others a hundred and more; validators of JSON up to 4 s to load."""

OF_THE_WEB = ("ninja", "pydantic", "jinja2", "phonenumbers")
"""What serves the API, and makes reports: a sixth of the time in which a command or the worker starts."""

OF_THE_API = ("ninja", "pydantic")
"""What checks what its operations take and give: a third of the time in which the web process starts, and 28 MB of it."""

OF_TERMINALS = ("rich", "pygments", "attr")
"""What shows tables and bars to people: a tenth of the time in which a process of a node starts."""

LOOK = f"""
import sys, tempfile
from pathlib import Path
from hanse.bootstrap import configure
from hanse.kernel.keys import Keyring
from hanse.settings import Node
node = Node(Path(tempfile.gettempdir()), "ee-cert", "CERT Estonia", "EE")
configure(node, Keyring.new())
import hanse.console.alerting
from hanse.node.working import chores
chores(node)
import hanse.node.commands
print(*[name for name in {OF_THE_WEB + OF_TERMINALS!r} if name in sys.modules])
import hanse.urls
from hanse.intel.taxonomies import meaning, offered
offered(), meaning('misp-galaxy:tool="x"')
print(*[name for name in {HEAVY!r} if name in sys.modules])
from django.urls import resolve, reverse
reverse("console:situation")
print(*[name for name in {OF_THE_API!r} if name in sys.modules])
assert resolve("/api/openapi.json").view_name == "api:openapi-json"
assert reverse("api:api-root") == "/api/"
"""


def test_an_idle_node_loads_no_library_of_the_analysis() -> None:
    """Neither the web process with all its pages nor the worker imports them before flows are read or there is work.

    The worker loads nothing of the API either, nor what shows something on a terminal. Nor does the web process, before
    somebody asks the API: its pages find each other without.
    """
    done = subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == []

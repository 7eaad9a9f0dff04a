"""What the tests with real peers share: supervised processes, raw sockets, recording upstreams, WebSocket frames."""

from pathlib import Path

REAL = Path(__file__).resolve().parent.parent
ROOT = REAL.parent.parent
APPS = REAL / "apps"
VENV = ROOT / ".venv" / "bin"
TOOLS = ROOT / ".tools"

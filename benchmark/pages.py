from pathlib import Path
RESULTS=Path("/tmp/perf.json")
def write_pages(results): pass
def summary(results): return ""

"""Hosts that die while they keep a chunk: the merged file is that of one process."""

from __future__ import annotations

from pathlib import Path

from tools.bench.farm_hosts import FATES, Farm


def test_what_dying_hosts_leave_merges_to_the_file_of_one_process(tmp_path: Path) -> None:
    farm = Farm(tmp_path, chunks=12)
    assert len(farm.plan.chunks) == 12
    store = farm.encode(hosts=5, deaths=0.4, seed=3)
    assert set(store.fates) == set(FATES)
    assert store.kept > 12  # torn ones again
    assert farm.is_that_of_one_process()

from pathlib import Path

from headcount_sandbox.platform.function_logs import new_stream, read_log, write_platform_line


def test_merges_the_streams_of_processes_by_time(tmp_path: Path) -> None:
    (tmp_path / "1790000000000-a.log").write_text(
        '{"timestamp": "2026-09-21 14:13:21,000+0000", "message": "first"}\n'
        "a traceback belongs to the line before it\n"
        '{"_aws": {"Timestamp": 1790000005000}, "Launches": 1}\n'
    )
    (tmp_path / "1790000000000-b.log").write_text('{"time": "2026-09-21T14:13:23+00:00", "message": "second"}\n')
    assert read_log(tmp_path) == [
        {"timestamp": "2026-09-21 14:13:21,000+0000", "message": "first"},
        {"message": "a traceback belongs to the line before it"},
        {"time": "2026-09-21T14:13:23+00:00", "message": "second"},
        {"_aws": {"Timestamp": 1790000005000}, "Launches": 1},
    ]


def test_the_platforms_own_lines_stand_among_them(tmp_path: Path) -> None:
    new_stream(tmp_path, "a").write_text("plain text\n")
    write_platform_line(tmp_path, "platform.runtimeDone", {"status": "error"})
    assert [entry.get("type") or entry["message"] for entry in read_log(tmp_path)] == [
        "plain text",
        "platform.runtimeDone",
    ]


def test_a_function_that_never_ran_has_no_log(tmp_path: Path) -> None:
    assert read_log(tmp_path / "none") == []

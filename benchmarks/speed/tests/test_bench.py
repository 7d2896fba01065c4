from pathlib import Path

import pytest

import bench
import figures
import growth_targets
import report
import targets
from bench import grouped, main, parse


def test_it_measures_and_prints_what_node_and_python_take(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tables.md"
    systems = "agentmem-python,agentmem-python-sync,agentmem-node,numpy"
    arguments = ["--records", "200", "--systems", systems, "--seconds", "0.2"]
    # numpy is among the tools for development: nothing is installed.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("packages.install", lambda language, packages: None)
        main([*arguments, "--workloads", "W1,W2,W3,W4,W5,W7", "--out", str(out)])
    text = out.read_text()
    assert "Left out" not in text
    assert "| AgentMem, Python, awaited, semantic | 1.00 |" in text
    for title in ("Targets", "W1", "W2", "W3", "W4", "W5", "W7"):
        assert f"### {title}" in text
    for line in text.splitlines():
        if line.startswith("| AgentMem") and "semantic" in line:
            share = line.split("|")[8].strip()
            assert float(share) > 0.9, line
    assert capfd.readouterr().out == ""


def test_what_cannot_be_installed_is_named_and_left_out(tmp_path: Path) -> None:
    out = tmp_path / "tables.md"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("packages.install", lambda language, packages: packages and "no such host")
        main(["--systems", "chroma", "--records", "10", "--out", str(out)])
    assert "- chroma: could not be installed: no such host" in out.read_text()


def test_wrong_options_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--systems", "redis"], ["--workloads", "W9"], ["--records", "0"]):
        with pytest.raises(SystemExit):
            parse(arguments)
    assert "'redis' is none of agentmem-rust" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        parse(["--records", "5", "--users", "6"])


def test_what_reads_one_store_shares_a_process() -> None:
    assert grouped(bench.WORKLOADS, volatile=False) == [
        ["W1"],
        ["W2"],
        ["W3", "W4", "W5"],
        ["W6"],
        ["W7"],
        ["W8"],
    ]
    assert grouped(["W1", "W2", "W3", "W8"], volatile=True) == [["W1"], ["W2", "W3"], ["W8"]]


def test_a_target_is_reached_from_below() -> None:
    def store(cpu: float) -> dict[str, dict[str, dict[str, object]]]:
        return {"vectors": {"W7": {"get": {"cpu": cpu, "median": 2 * cpu}}}}

    results = {"agentmem-rust": store(5e-6), "agentmem-node": store(60e-6)}
    assert figures.table(results, targets.every())[2:] == [
        "| get, for the first time: 10 us, Rust | 0.50 | 5 us CPU, 10 us wall | - | yes |",
        "| get, for the first time: 30 us, Node | 2.00 | 60 us CPU, 120 us wall | - | no |",
    ]


def test_beside_a_target_stands_the_least_that_was_measured() -> None:
    results = {
        name: {"vectors": {"W1": {"add": {"rate": 1000}, "batch": {"rate": rate}, **more}}}
        for name, rate, more in (
            ("agentmem-rust", 20_000, {"together": {"rate": 9_000}}),
            ("sqlite-log-rust", 40_000, {}),
        )
    }
    (line,) = figures.table(results, targets.every())[2:]
    least = (
        "bare SQLite with the same tables, 64 rows at a time: 40.0 times; addMany of 64: 20.0 times"
    )
    assert line == f"| 64 adds at once: 8 times the rate, Rust | 0.89 | 9.0 times | {least} | yes |"


def test_times_are_told_in_three_digits() -> None:
    times = (1.234e-6, 12.34e-6, 123.4e-6, 1.234e-3, 123.4e-3, 1.5)
    shown = ["1.23 us", "12.3 us", "123 us", "1.23 ms", "123 ms", "1.5 s"]
    assert [report.seconds(time) for time in times] == shown
    assert report.seconds(-12.34e-3) == "-12.3 ms"
    assert report.ratio(20, 2) == "10"
    assert report.ratio(1, None) == "-"


def test_what_a_million_takes_is_related_to_the_targets() -> None:
    def found(peak: float) -> dict[str, dict[str, object]]:
        start = {"cpu": 0.015, "process": 0.02, "peak": peak}
        return {
            "grow": {"addMany": {"begin": 1e-5, "first": 2e-5, "last": 1e-5}},
            "ask-all": {"semantic": {"cpu": 1e-3, "median": 2e-3}, "each": 300},
            "starts": {"agentmem-node": start},
        }

    results = {"least": found(1e7), "most": found(2e7)}
    lines = figures.table(results, growth_targets.every(100_000))[2:]
    assert [line.split(" | ")[1] for line in lines] == [
        "0.45",
        "0.91",
        "0.50",
        "0.50",
        "0.50",
        "1.82",
    ]
    assert "| 20.0 and 10.0 MB |" in lines[-1]

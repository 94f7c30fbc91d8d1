"""apply of folders, apply --prune, and diff."""

from pathlib import Path

import pytest

from unit.cli.fake_control import FakeControl, Refusal, a_service
from unit.cli.manifest_files import a_manifest, write_manifest
from unit.cli.terminal import Terminal


@pytest.fixture
def control() -> FakeControl:
    services = {
        "prod/web": a_service(manifest=a_manifest()),
        "prod/old": a_service("prod/old", runningCount=2),
        "prod/going": a_service("prod/going", state="DELETING"),
        "staging/other": a_service("staging/other"),
    }
    return FakeControl(services=services)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Declares what runs, and a worker beside it."""
    (tmp_path / "team").mkdir()
    write_manifest(tmp_path, "web.json")
    write_manifest(tmp_path / "team", "worker.yaml", serviceName="worker")
    (tmp_path / "README.md").write_text("not a manifest")
    (tmp_path / ".git").mkdir()
    write_manifest(tmp_path / ".git", "hidden.json", serviceName="hidden")
    return tmp_path


def deleted(terminal: Terminal) -> list[str]:
    return [request["service"] for request in terminal.control.requests if request["operation"] == "delete"]


def test_a_folder_is_all_manifests_in_it_at_any_depth(terminal: Terminal, folder: Path) -> None:
    done = terminal.run("validate", str(folder), "-o", "json")
    assert [one["service"] for one in done.document["manifests"]] == ["prod/web", "prod/worker"]


def test_a_folder_without_manifests_is_a_problem(terminal: Terminal, tmp_path: Path) -> None:
    done = terminal.run("apply", "-f", str(tmp_path), "--prune", "--yes")
    assert done.code == 2
    assert terminal.control.requests == []


def test_a_link_to_a_folder_is_not_left_out_in_silence(terminal: Terminal, folder: Path, tmp_path_factory) -> None:
    (folder / "linked").symlink_to(tmp_path_factory.mktemp("elsewhere"), target_is_directory=True)
    done = terminal.run("apply", "-f", str(folder), "--prune", "--yes")
    assert done.code == 2
    assert "is a link to a folder" in done.err
    assert terminal.control.requests == []


def test_prune_deletes_what_the_clusters_have_and_no_manifest_declares(terminal: Terminal, folder: Path) -> None:
    done = terminal.run("apply", "-f", str(folder), "--prune", "--yes", "--reason", "moved", "-o", "json")
    assert done.code == 0
    assert deleted(terminal) == ["prod/old"]
    assert terminal.control.requests[-1]["reason"] == "moved"
    assert done.document["prune"] == ["prod/old"]
    assert [result["service"] for result in done.document["results"]] == ["prod/web", "prod/worker"]


def test_prune_is_shown_and_asked_for(terminal: Terminal, folder: Path) -> None:
    terminal.interactive, terminal.answers = True, [False]
    done = terminal.run("apply", "-f", str(folder), "--prune")
    assert done.code == 1
    assert "prod/old: declared nowhere; it is deleted (2 running tasks)" in done.out
    assert terminal.questions == ["Apply, and delete 1 service (2 running tasks)?"]
    assert set(terminal.control.operations()) == {"apply", "list"}
    assert "prod/worker" not in terminal.control.services


def test_where_nobody_can_answer_prune_needs_a_yes_before_anything_is_applied(terminal: Terminal, folder: Path) -> None:
    done = terminal.run("apply", "-f", str(folder), "--prune")
    assert done.code == 2
    assert "--yes" in done.err
    assert "prod/worker" not in terminal.control.services
    assert deleted(terminal) == []


def test_where_nothing_is_to_go_prune_asks_no_more_than_apply(terminal: Terminal, folder: Path) -> None:
    del terminal.control.services["prod/old"]
    assert terminal.run("apply", "-f", str(folder), "--prune").code == 0
    assert "prod/worker" in terminal.control.services


def test_a_dry_run_of_prune_deletes_nothing(terminal: Terminal, folder: Path) -> None:
    done = terminal.run("apply", "-f", str(folder), "--prune", "--dry-run", "--yes", "-o", "json")
    assert done.document["prune"] == ["prod/old"]
    assert deleted(terminal) == []


def test_one_problem_stops_prune_too(terminal: Terminal, folder: Path) -> None:
    write_manifest(folder, "broken.json", serviceName="broken", desiredCount=-1)
    assert terminal.run("apply", "-f", str(folder), "--prune", "--yes").code == 2
    assert terminal.control.requests == []
    (folder / "broken.json").unlink()
    terminal.control.refusals = [Refusal("InvalidManifest", "no such task definition")]
    assert terminal.run("apply", "-f", str(folder), "--prune", "--yes").code == 2
    assert deleted(terminal) == []


def test_prune_can_be_waited_for(terminal: Terminal, folder: Path) -> None:
    def later() -> None:
        terminal.control.services.pop("prod/old", None)
        for service in terminal.control.services.values():
            service |= {"state": "STEADY", "runningCount": service["desiredCount"]}

    terminal.sleeping = later
    done = terminal.run("apply", "-f", str(folder), "--prune", "--yes", "--wait")
    assert done.code == 0
    assert "prod/old is gone" in done.err


@pytest.mark.parametrize(
    ("arguments", "is_alone"), [(("web.json",), True), ((".",), False), (("web.json", "x.json"), False)]
)
def test_several_results_are_one_document(
    terminal: Terminal, folder: Path, arguments: tuple[str, ...], is_alone: bool
) -> None:
    write_manifest(folder, "x.json", serviceName="x") if "x.json" in arguments else None
    files = [part for name in arguments for part in ("-f", str(folder / name))]
    done = terminal.run("apply", *files, "-o", "json")
    assert ("results" in done.document) is not is_alone
    assert "prune" not in done.document


# -- diff -------------------------------------------------------------------------------------------------------------


def test_diff_ends_with_one_where_something_differs(terminal: Terminal, folder: Path) -> None:
    done = terminal.run("diff", "-f", str(folder))
    assert done.code == 1
    assert "prod/worker: new service" in done.out
    assert "prod/web: no changes" in done.out
    assert all(request["dryRun"] for request in terminal.control.requests)


def test_diff_ends_with_zero_where_nothing_does(terminal: Terminal, folder: Path) -> None:
    done = terminal.run("diff", "-f", str(folder / "web.json"), "-o", "json")
    assert done.code == 0
    assert done.document["different"] is False


def test_diff_counts_what_prune_would_delete(terminal: Terminal, folder: Path) -> None:
    done = terminal.run("diff", "-f", str(folder / "web.json"), "--prune", "-o", "json")
    assert done.code == 1
    assert done.document["prune"] == ["prod/old"]
    assert deleted(terminal) == []


@pytest.mark.parametrize("kind", ["Unavailable", "ServiceDeleting", "InvalidManifest"])
def test_diff_ends_with_two_for_trouble_of_any_kind(terminal: Terminal, folder: Path, kind: str) -> None:
    terminal.control.refusals = [Refusal(kind, "no")] * 3
    assert terminal.run("diff", "-f", str(folder / "web.json")).code == 2


def test_an_interrupted_diff_is_not_a_difference(terminal: Terminal, folder: Path) -> None:
    def interrupt(control: FakeControl) -> None:
        raise KeyboardInterrupt

    terminal.control.step = interrupt
    assert terminal.run("diff", "-f", str(folder / "web.json")).code == 2

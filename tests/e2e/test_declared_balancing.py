"""Load balancing that a manifest declares: it comes to be, takes traffic, is made again, and goes with its service."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from e2e.install import CLUSTER, Install
from e2e.kept import Kept

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]


@pytest.fixture(scope="module")
def kept(installed: Install) -> Iterator[Kept]:
    """A service with everything around load balancing that there is."""
    kept = Kept(installed)
    kept.declare()
    kept.wait_until_kept()
    yield kept
    installed.ask("delete", service=f"{CLUSTER}/{Kept.SERVICE}")
    installed.gone(Kept.SERVICE)
    assert kept.left() == [], "it leaves nothing in the account"


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:  # nobody listens there, or a busy machine takes its time
        return 0


def test_its_tasks_answer_behind_the_load_balancer_that_it_declares(install: Install, kept: Kept) -> None:
    install.steady(Kept.SERVICE, 1)
    url = kept.url("kept-alb", 18180)
    install.wait(lambda: _status(f"{url}/api/items") == 200, "its task answers", Kept.SERVICE)
    told = "\n".join(entry["reason"] for entry in install.history(Kept.SERVICE, "balancing"))
    for what in ("load balancer kept-alb", "target group kept-app", "listener kept-nlb:18181", "rule 10 of listener"):
        assert f"creating {what}" in told


def test_a_target_group_deleted_under_it_is_made_again_and_its_task_is_registered_there(
    install: Install, kept: Kept
) -> None:
    before = kept.arn("kept-app")
    kept.delete_by_hand("kept-app")
    kept.declare(path="/healthz")
    kept.wait_until_kept()
    assert kept.arn("kept-app") != before
    url = kept.url("kept-alb", 18180)
    install.wait(lambda: _status(f"{url}/api/items") == 200, "its task answers again", Kept.SERVICE)
    assert len(install.ever(Kept.SERVICE)) == 1, "no task was replaced for it"

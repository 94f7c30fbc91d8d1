"""Every subcommand with its place in the help and its examples."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headcount_cli.commands.apply import apply
from headcount_cli.commands.delete import delete
from headcount_cli.commands.describe import describe
from headcount_cli.commands.diff import diff
from headcount_cli.commands.events import events
from headcount_cli.commands.export import export
from headcount_cli.commands.init import init
from headcount_cli.commands.list_services import list_services
from headcount_cli.commands.operators import override, pause, redeploy, resume, rollback
from headcount_cli.commands.plan import plan
from headcount_cli.commands.sandbox import sandbox
from headcount_cli.commands.scale import scale
from headcount_cli.commands.scaling import scaling
from headcount_cli.commands.single_tasks import protect, standby, stop_task
from headcount_cli.commands.targets import targets
from headcount_cli.commands.tasks import tasks
from headcount_cli.commands.validate import validate
from headcount_cli.commands.watch import watch
from headcount_cli.commands.why import why
from headcount_cli.commands.zones import cordon, cordons, uncordon

DECLARE, LOOK, OPERATE, LOCAL = "Declare", "Look", "Operate", "On this machine"
# A count may be written as -1, and is then refused for what it is rather than as an unknown option.
TAKES_NUMBERS = {"ignore_unknown_options": True}
TASK = "0f3a9c1d2b4e4f6a8b7c0d1e2f3a4b5c"


@dataclass(frozen=True, slots=True)
class Command:
    """``run`` has the signature that Typer reads, and the help. ``examples``: what to type, and what for."""

    name: str
    run: Callable[..., None]
    panel: str
    examples: tuple[tuple[str, str], ...]
    settings: Mapping[str, Any] = field(default_factory=dict)


COMMANDS: tuple[Command, ...] = (
    Command(
        "init",
        init,
        DECLARE,
        (
            ("headcount init", "answer a few questions"),
            ("headcount init --from-ecs-service web --cluster prod", "import a service of ECS"),
            ("headcount init --from-file described.json --to -", "the same from a file, to look at"),
        ),
    ),
    Command(
        "validate",
        validate,
        DECLARE,
        (
            ("headcount validate web.yaml worker.yaml", "check two manifests"),
            ("headcount validate --output json *.yaml", "problems for a program"),
        ),
    ),
    Command(
        "diff",
        diff,
        DECLARE,
        (
            ("headcount diff -f web.yaml", "what apply would change"),
            ("headcount diff -f services/ --prune", "and what it would delete"),
        ),
    ),
    Command(
        "apply",
        apply,
        DECLARE,
        (
            ("headcount apply -f web.yaml", "show the difference, ask, apply"),
            ("headcount apply -f web.yaml --dry-run", "only show the difference"),
            ("headcount apply -f web.yaml --yes --wait --timeout 5m", "in a pipeline"),
            ("headcount apply -f services/ --prune", "a folder that declares everything"),
        ),
    ),
    Command(
        "export",
        export,
        DECLARE,
        (
            ("headcount export web --to web.state.json", "its state, for headcount plan --from-file"),
            ("headcount export web --as manifest", "what was declared, as YAML"),
            ("headcount export web --as ecs-service", "a request for aws ecs create-service"),
        ),
    ),
    Command(
        "delete",
        delete,
        DECLARE,
        (("headcount delete web", "asks first"), ("headcount delete web --yes --wait", "in a script")),
    ),
    Command(
        "list",
        list_services,
        LOOK,
        (
            ("headcount list", "every service"),
            ("headcount list --cluster prod -o json", "one cluster's, for a program"),
        ),
    ),
    Command("describe", describe, LOOK, (("headcount describe prod/web", "state, tasks and the last decisions"),)),
    Command(
        "watch",
        watch,
        LOOK,
        (("headcount watch web", "leave it open while you work"), ("headcount watch --cluster prod", "all at once")),
    ),
    Command(
        "tasks",
        tasks,
        LOOK,
        (
            ("headcount tasks web", "all of them, the unusual first"),
            ("headcount tasks web --zone 1a -q", "ids of those in one zone"),
        ),
    ),
    Command(
        "targets",
        targets,
        LOOK,
        (
            ("headcount targets web", "what takes traffic, and why the rest does not"),
            ("headcount targets web --target-group api -o json", "one target group's, for a program"),
        ),
    ),
    Command(
        "events",
        events,
        LOOK,
        (
            ("headcount events web --limit 20", "the newest 20"),
            ("headcount events web --follow", "watch them come in"),
            ("headcount events --cluster prod", "who cordoned what"),
        ),
    ),
    Command(
        "why",
        why,
        LOOK,
        (
            ("headcount why web", "why the service is as it is"),
            (f"headcount why {TASK}", "why this task was started, stopped or lost"),
        ),
    ),
    Command(
        "scaling",
        scaling,
        LOOK,
        (
            ("headcount scaling web", "what each policy asks for, and why"),
            ("headcount scaling web -o json", "the same for a program"),
        ),
    ),
    Command(
        "plan",
        plan,
        LOOK,
        (
            ("headcount plan web", "what the next pass would do"),
            ("headcount plan --from-file web.state.json", "the same for an exported state, without AWS"),
        ),
    ),
    Command(
        "scale",
        scale,
        OPERATE,
        (
            ("headcount scale web 5", "set the desired count"),
            ("headcount scale web 0 --wait", "stop all, and wait for it"),
            ("headcount scale web 12 --for 2h", "twelve for two hours, as override does"),
        ),
        TAKES_NUMBERS,
    ),
    Command(
        "override",
        override,
        OPERATE,
        (
            ("headcount override web 12 --for 2h --reason 'sale'", "twelve tasks for two hours"),
            ("headcount override web --end", "back to the desired count"),
        ),
        TAKES_NUMBERS,
    ),
    Command(
        "pause",
        pause,
        OPERATE,
        (
            ("headcount pause web --for 12h", "no tasks over night"),
            ("headcount pause web --freeze --reason 'looking into it'", "start and stop nothing"),
        ),
    ),
    Command("resume", resume, OPERATE, (("headcount resume web --wait", "back to the desired count"),)),
    Command("redeploy", redeploy, OPERATE, (("headcount redeploy web --wait", "fresh tasks, nothing changed"),)),
    Command("rollback", rollback, OPERATE, (("headcount rollback web --wait", "the deployment before"),)),
    Command(
        "protect",
        protect,
        OPERATE,
        (
            (f"headcount protect web {TASK} --for 2h", "keep one task for two hours"),
            (f"headcount protect web {TASK} --off", "let it go"),
        ),
    ),
    Command(
        "stop-task",
        stop_task,
        OPERATE,
        (
            (f"headcount stop-task {TASK}", "another one takes its place"),
            (f"headcount stop-task {TASK} --lower-count", "none does"),
        ),
    ),
    Command(
        "standby",
        standby,
        OPERATE,
        (
            (f"headcount standby {TASK} --reason 'heap dump'", "set it aside, out of rotation"),
            (f"headcount standby {TASK} --end", "take it back"),
        ),
    ),
    Command(
        "cordon",
        cordon,
        OPERATE,
        (
            ("headcount cordon eu-central-1a --cluster prod --for 1h", "start nothing there"),
            ("headcount cordon eu-central-1a --cluster prod --evacuate", "and move what runs there"),
        ),
    ),
    Command("uncordon", uncordon, OPERATE, (("headcount uncordon eu-central-1a --cluster prod", "use it again"),)),
    Command("cordons", cordons, OPERATE, (("headcount cordons", "which zones are cordoned"),)),
    Command(
        "sandbox",
        sandbox,
        LOCAL,
        (
            ("headcount sandbox", "on any free port"),
            ("headcount sandbox --port 5000 --clusters prod,staging", "a port and clusters of your own"),
            ("headcount sandbox --runtime simulated", "tasks without processes"),
        ),
    ),
)

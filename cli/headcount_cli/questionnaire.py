"""The few questions from which ``init`` makes a manifest; each answer is checked before the next question."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from headcount_cli.control_client import Document
from headcount_cli.failures import BadInput, InvalidManifests
from headcount_cli.session import Session

LAUNCH_TYPES = ("FARGATE", "EC2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Answers given as options, as written; ``None`` is a question still open."""

    cluster: str | None
    name: str | None
    task_definition: str | None
    count: str | None
    launch_type: str | None
    subnets: str | None
    security_groups: str | None

    def beyond_cluster(self) -> bool:
        return any(value is not None for name, value in asdict(self).items() if name != "cluster")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """``read`` makes the key's value of the answer's text; ``None`` leaves the key out."""

    name: str
    text: str
    default: str | None = None
    is_optional: bool = False
    key: str
    read: Callable[[str], Any] = str.strip


def asked_manifest(session: Session, given: Answers) -> Document:
    """Raises ``BadInput`` with all that is missing where nobody can answer, ``InvalidManifests`` for wrong options."""
    # botocore's model of ECS, which few commands need
    from headcount.model.manifest_parser import parse_manifest  # noqa: PLC0415  see above

    written = asdict(given)
    texts: dict[str, str] = {name: text for name, text in written.items() if text is not None}
    is_interactive = session.world.is_interactive()
    if not is_interactive:
        _refuse_silence(texts)
    for question in QUESTIONS:
        if question.name not in texts:
            texts[question.name] = _ask(session, question, texts) if is_interactive else question.default or ""
    manifest = _manifest(texts)
    problems = parse_manifest(manifest)
    if isinstance(problems, tuple):
        rows = [problem.as_document() for problem in problems]
        raise InvalidManifests("No manifest can be made of these answers.", problems=rows)
    return manifest


def _list(text: str) -> list[str] | None:
    return [part.strip() for part in text.split(",") if part.strip()] or None


def _count(text: str) -> Any:
    return int(text) if text.strip().lstrip("-").isascii() and text.strip().lstrip("-").isdigit() else text


QUESTIONS = (
    Question(name="cluster", text="Cluster", default="default", key="cluster"),
    Question(name="name", text="Name of the service", key="serviceName"),
    Question(name="task_definition", text="Task definition (family or family:revision)", key="taskDefinition"),
    Question(name="count", text="How many tasks", default="2", key="desiredCount", read=_count),
    Question(name="launch_type", text="Where they run (FARGATE or EC2)", default="FARGATE", key="launchType"),
    Question(
        name="subnets",
        text="Subnets, with commas between them (on EC2 only for network mode awsvpc)",
        key="networkConfiguration.awsvpcConfiguration.subnets",
        read=_list,
    ),
    Question(
        name="security_groups",
        text="Security groups, with commas (none: the VPC's default)",
        is_optional=True,
        key="networkConfiguration.awsvpcConfiguration.securityGroups",
        read=_list,
    ),
)


def _refuse_silence(texts: Mapping[str, str]) -> None:
    open_questions = [
        question for question in QUESTIONS if question.name not in texts and not _may_be_empty(question, texts)
    ]
    if open_questions:
        options = ", ".join(f"--{question.name.replace('_', '-')}" for question in open_questions)
        raise BadInput(f"Nobody is here to answer: {options} missing.", hint="See 'headcount init --help'.")


def _may_be_empty(question: Question, texts: Mapping[str, str]) -> bool:
    on_instances = texts.get("launch_type", "FARGATE") != "FARGATE"
    return question.is_optional or question.default is not None or (question.name == "subnets" and on_instances)


def _ask(session: Session, question: Question, texts: Mapping[str, str]) -> str:
    """Asks until the answer can be meant."""
    if question.name == "security_groups" and not texts.get("subnets", "").strip():
        return ""
    default = "" if _may_be_empty(question, texts) and question.default is None else question.default
    while True:
        text = session.world.ask(question.text, default)
        problem = _problem(question, text, texts)
        if problem is None:
            return text
        session.output.note(problem, style="yellow")


def _problem(question: Question, text: str, texts: Mapping[str, str]) -> str | None:
    from headcount.model.manifest_fields import SERVICE  # noqa: PLC0415  # as above

    value = question.read(text)
    if value in (None, ""):
        return None if _may_be_empty(question, texts) else "An answer is needed."
    if question.key == "launchType" and value not in LAUNCH_TYPES:
        return f"One of {' and '.join(LAUNCH_TYPES)} is allowed, not {value!r}."
    kind: Any = SERVICE
    for name in question.key.split("."):
        kind = kind.fields[name]
    problems = kind.read("It", value).problems
    return " ".join(f"{problem.path} {problem.message}." for problem in problems) or None


def _manifest(texts: Mapping[str, str]) -> Document:
    manifest: Document = {"kind": "Service"}
    for question in QUESTIONS:
        value = question.read(texts.get(question.name, ""))
        if value in (None, ""):
            continue
        *outer, last = question.key.split(".")
        place = manifest
        for name in outer:
            place = place.setdefault(name, {})
        place[last] = value
    return manifest

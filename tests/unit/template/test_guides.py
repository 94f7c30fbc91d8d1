"""What the guides say of the template holds in the template."""

import json
import re
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def guides(root: Path) -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in (root / "docs" / "guides").glob("*.md")}


def _rows(text, header):
    """The cells of the table with this header, row by row."""
    lines = text[text.index(header) :].splitlines()[2:]
    table = lines[: next((n for n, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_every_parameter_is_explained_with_its_default_and_an_example_that_is_accepted(guides, source):
    rows = {name.strip("[").partition("`]")[0].strip("`"): cells for name, *cells in _parameters(guides)}
    assert list(rows) == [name for group in _groups(source) for name in group]
    for name, (default, example) in rows.items():
        declared = source["Parameters"][name]
        assert default.strip("`").replace("empty", "") == str(declared["Default"]), name
        for item in example.strip("`").split(","):
            assert re.fullmatch(declared.get("AllowedPattern", ".*"), item), name
            assert item in [str(one) for one in declared.get("AllowedValues", [item])], name


def test_every_link_of_the_parameters_has_its_section(guides):
    anchors = {anchor for name, *_ in _parameters(guides) for anchor in re.findall(r"\(#([\w-]+)\)", name)}
    sections = re.findall(r"^#### (.+)$", guides["deploy"], re.MULTILINE)
    assert anchors == {re.sub("[^a-z -]", "", title.lower()).replace(" ", "-") for title in sections}


def test_every_parameter_has_a_description_and_a_group(source):
    parameters = source["Parameters"]
    assert {name for group in _groups(source) for name in group} == set(parameters)
    assert all(len(one["Description"]) > 20 for one in parameters.values())
    constraints = {"AllowedPattern", "AllowedValues", "MinValue"}
    assert all(constraints & one.keys() for one in parameters.values())


def test_every_output_is_described(source):
    assert all(one["Description"] for one in source["Outputs"].values())
    assert {"ControlFunction", "TableName", "ObserveTasksFunction"} <= source["Outputs"].keys(), "guides name these"


def test_every_alarm_says_what_to_do(guides, of_type):
    told = re.findall(r"`(\w+Alarm)`", guides["deploy"][guides["deploy"].index("## When something fails") :])
    assert set(told) == set(of_type("AWS::CloudWatch::Alarm"))


def test_the_cost_of_the_alarms_counts_all_of_them(guides, of_type):
    alarms = of_type("AWS::CloudWatch::Alarm").values()
    metrics = sum(len([m for m in alarm.get("Metrics", [{}]) if "Expression" not in m]) for alarm in alarms)
    assert f"| {metrics} metrics at 0.10 | {metrics / 10:.2f} |" in guides["deploy"]


def test_times_of_queues_and_functions_are_the_templates(guides, of_type):
    rows = _rows(guides["upgrade"], "| queue | function |")
    queues, functions = of_type("AWS::SQS::Queue"), of_type("AWS::Lambda::Function")
    said = {(q.strip("`"), f.strip("`"), *(int(n.split()[0]) for n in numbers)) for q, f, *numbers in rows}
    mappings = of_type("AWS::Lambda::EventSourceMapping").values()
    assert said == {
        (
            queue := mapping["EventSourceArn"]["Fn::GetAtt"][0],
            function := mapping["FunctionName"]["Ref"],
            functions[function]["Timeout"],
            queues[queue]["VisibilityTimeout"],
            queues[queue]["RedrivePolicy"]["maxReceiveCount"],
        )
        for mapping in mappings
    }
    assert min(visible * tries for *_, visible, tries in said) > 120, "messages outlast two minutes"


def test_sam_local_gets_every_variable_of_the_functions_and_every_queue(guides, of_type):
    text = guides["sam-local"]
    told = json.loads(re.search(r"`local.json`:\n\n```json\n(.+?)```", text, re.DOTALL)[1])["Parameters"]
    functions = of_type("AWS::Lambda::Function").values()
    declared = {name for one in functions for name in one["Environment"]["Variables"] if name.startswith("HEADCOUNT_")}
    assert set(told) == {"AWS_ENDPOINT_URL", *declared}
    made = set(re.findall(r"create-queue --queue-name (\S+)", text))
    assert {url.rpartition("/")[2] for name, url in told.items() if name.endswith("_QUEUE_URL")} == made


def test_what_fails_during_an_upgrade_is_repeated_as_the_guide_says(of_type):
    retries = {
        one["FunctionName"]["Ref"]: one["MaximumRetryAttempts"]
        for one in of_type("AWS::Lambda::EventInvokeConfig").values()
    }
    assert retries == {"ObserveTasks": 2, "AuditClusters": 0, "KeepLoadBalancers": 2, "DecideScaling": 2}
    assert not [one for one in of_type("AWS::Lambda::Function").values() if "ReservedConcurrentExecutions" in one]


def test_what_stays_after_removal_is_what_the_template_retains(guides, resources):
    retained = {re.sub("Layer[0-9a-f]{10}$", "Layer", n) for n, r in resources.items() if r.get("DeletionPolicy")}
    named = {match[1] for row in _rows(guides["remove"], "| what | why |") if (match := re.match("`(\\w+)`$", row[0]))}
    assert named == retained
    assert {r.get("DeletionPolicy") for r in resources.values()} == {None, "Retain"}


def _parameters(guides):
    return _rows(guides["deploy"], "| parameter | default | example |")


def _groups(source):
    interface = source["Metadata"]["AWS::CloudFormation::Interface"]
    return [group["Parameters"] for group in interface["ParameterGroups"]]

"""What always holds, each in one sentence of ``docs/invariants.md``."""

from typing import Final

INVARIANTS: Final = {
    "launched once": "A launch never starts more tasks than it asked for, however often it is sent.",
    "no task without a launch": "No task starts without a launch on record that asked for exactly this.",
    "no start too many": "No task starts while as many as desired are live or in flight, those to be replaced apart.",
    "maximum percent": "No start of ours takes a service above maximum percent, stopping tasks counted.",
    "minimum healthy percent": "No deployment stops so many tasks that fewer are healthy than minimum healthy percent.",
    "never below desired": "Scale-in never leaves fewer live tasks than the desired count.",
    "not ours": "No task is stopped that this install did not start.",
    "stop on record": "No task is stopped without a recorded decision.",
    "newest wins": "What is on record of a task never gives way to something older.",
    "reasons": "Every action and every decision has a reason.",
    "no hot loop": "A service whose tasks fail starts a bounded number of them.",
    "forgotten only when gone": "Only stopped tasks are forgotten.",
    "records bounded": "The records of a service stay within a small multiple of its tasks.",
    "passes bounded": "A service is looked at a bounded number of times.",
    "no unexpected errors": "Functions fail only with errors that say what to do.",
    "neighbours": "A lost task of a healthy service is replaced within seconds, whatever befalls its neighbours.",
    "converges": "Once faults cease, every service has its desired count of the declared deployment, within the bound.",
    "stays": "A service that has converged is left alone.",
    "records match": "Once faults cease, the records of a service are its tasks, and no launch is open.",
    "singleton": "A singleton never has two tasks alive by our doing.",
    "cordon": "No task starts in a zone that was cordoned when its start was decided.",
    "zones": "Once faults cease, zones are even: they differ by one task at most.",
    "shares": "Once faults cease, every capacity provider carries its share, and nothing stays on a fallback.",
    "protected": "A protected task is never chosen by scale-in, deployment or drain.",
    "paused": "A paused service starts nothing; a frozen one starts nothing, and stops only what somebody asked for.",
    "standby": "A task on standby is left alone.",
    "notices": "A task whose end is announced is replaced within minutes.",
    "age": "No task outlives the maximum age of its service by long.",
    "definitions": "Nothing is deregistered that is in use or that Headcount did not register.",
    "refused places": "A place that refuses tasks is asked a bounded number of times.",
    "kept alive": "While a new revision fails, the old one's tasks are replaced as they are lost.",
    "targets on record": "No target is registered or taken out before a ledger says so.",
    "drained": "No task of ours is stopped before it has left rotation and its deregistration delay is over.",
    "no target left": "Once faults cease, nothing of ours is in rotation but the service's tasks.",
    "in rotation": "Once faults cease, every task that counts is healthy in all its target groups.",
    "leaves at once": "A task that died or got a notice leaves rotation within seconds.",
    "kept in rotation": "No target of a task that is to stay is taken out, not for one that had its address before.",
    "others' targets": "No target is taken out that this install did not register.",
    "frozen": "While more tasks are unhealthy than freezeAbovePercent, none is stopped for being unhealthy.",
    "sickness ends": "An unhealthy task that is to be replaced is, within minutes, and none is left once faults cease.",
    "within bounds": "The count of a service that scales is never set outside the bounds in force.",
    "no blind scale-in": "No policy takes tasks away while nobody knows how busy they are.",
    "cooldowns": "Within a cooldown, and within a minute, no policy takes tasks away.",
    "count not lost": "A count that somebody else set never gives way to one that was decided without knowing it.",
    "alarms stand": "Once faults cease, a service that scales has its alarms and schedules.",
    "follows the load": "Once faults cease, the count of a service follows its load, within the bound.",
    "poison": "What nobody can read ends in the dead letters, and others go on.",
    "deleted": "A deleted service ends with no task and no record.",
}


class Violation(BaseException):
    """An invariant does not hold. Not an ``Exception``: the code under test must not catch it."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}. {INVARIANTS[invariant]}")
        self.invariant = invariant
        self.detail = detail

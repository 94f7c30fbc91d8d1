"""The part of the sandbox that AWS runs for us: Lambda, EventBridge rules, schedules and SQS event source mappings.

Read in this order: `deployment` (what a template asks for, as values), `template` (how it is read), `platform` (who
calls whom), then one file a service: `lambda_runtime` and `function_pool`, `invocations`, `event_bus`, `event_sources`.
"""

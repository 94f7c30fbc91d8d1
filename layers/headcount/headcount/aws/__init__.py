"""Adapters: one module an AWS service. Nobody outside sees botocore; error codes are translated in ``failures.py``."""

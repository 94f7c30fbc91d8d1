"""The world in memory: hand-written fakes of every port, which pass the same contract tests as the adapters."""

"""The workshops: functions that take tables and return tables."""

"""The words of the house: tables, statuses, errors, names and registries. Imports nothing of ours."""

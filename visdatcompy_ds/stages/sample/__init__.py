"""Fingerprints to a selection: near duplicates wait, buckets and groups have quotas, and what is chosen lies apart."""

from visdatcompy_ds.stages.sample.cells import Wishes
from visdatcompy_ds.stages.sample.choose import STRATEGIES, Sampled, of_distinct_content, sample
from visdatcompy_ds.stages.sample.coverage import coverage
from visdatcompy_ds.stages.sample.quotas import QUOTAS, group_quotas, quotas

__all__ = ["QUOTAS", "STRATEGIES", "Sampled", "Wishes", "coverage", "group_quotas", "of_distinct_content", "quotas", "sample"]

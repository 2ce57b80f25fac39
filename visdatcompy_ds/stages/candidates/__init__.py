"""Fingerprints to candidate pairs: who might match. A candidate proves nothing; ``confirm`` decides."""

from visdatcompy_ds.stages.candidates.propose import Candidates, equal_content, propose

__all__ = ["Candidates", "equal_content", "propose"]

"""Fingerprints to candidate pairs: who might match. A candidate proves nothing; ``confirm`` decides."""

from visdatcompy_ds.stages.candidates.propose import PROPOSE_BITS, Candidates, equal_content, propose

__all__ = ["PROPOSE_BITS", "Candidates", "equal_content", "propose"]

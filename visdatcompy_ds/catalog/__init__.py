"""Facts and arithmetic by name: probes, hashes, metrics, buckets, keep policies. Facts load nothing; functions load what they need."""

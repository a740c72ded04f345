"""Who is one person: records in, matches out, each with its reason. The rule is told in `docs/matching.md`."""

"""Commands for developers: benchmarks, training, fuzzing, pictures of the documentation."""

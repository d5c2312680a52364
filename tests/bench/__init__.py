"""The benchmark suite: what the runtime costs, each figure beside a limit measured in the same run, interleaved.

A ratio is measured time / the limit's time: 1.0 = as good as the limit, 2.0 = twice its time. Only ratios can be
compared between machines. `./run bench --help` says how to run it.
"""

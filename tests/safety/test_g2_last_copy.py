"""Gate G2: for each image that went one stands, re-verified, whatever the plans, links and lifted refusals."""

import concurrent.futures
import multiprocessing

import graphs


def test_no_graph_of_orders_takes_the_last_copy():
    # A removal works within one process: two of them have two processes, not forks of one that runs threads.
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        halves = list(pool.map(graphs.run, (0, 1000), (1000, 1000)))
    done = {word: sum(half.get(word, 0) for half in halves) for word in set().union(*halves)}
    for word, least in (("moved", 500), ("refused", 1000), ("gone", 50), ("changed", 50), ("purged", 100), ("restored", 300)):
        assert done.get(word, 0) >= least, f"the graphs say little: {done}"

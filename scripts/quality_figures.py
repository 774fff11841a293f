"""The figures that scripts/measure-quality keeps in docs/records/quality.jsonl, and tables of them."""

import json
import math
import pathlib
import statistics

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEFAULT_FIGURES = ROOT / "docs/records/quality.jsonl"

SETS = {
    "epinions": ["prequential", "--features", "user_id,item_id,category"],
    "globo": ["prequential", "--features", "user_id,article_id,region,device_group",
              "--negatives", "article_id"],
    "gowalla": ["retrieval", "--user", "user_id", "--item", "item_id"],
    "gowalla-3-passes": ["retrieval", "--user", "user_id", "--item", "item_id", "--passes", "3"],
}
LOGS = {"epinions": "epinions.tsv.gz", "globo": "globo.tsv.gz", "gowalla": "gowalla.tsv.gz",
        "gowalla-3-passes": "gowalla.tsv.gz"}
TITLES = {
    "epinions": "epinions, prequential (ratings of at least 4)",
    "globo": "globo, prequential (clicks, one negative each)",
    "gowalla": "gowalla, retrieval, statistics over one pass",
    "gowalla-3-passes": "gowalla, retrieval, statistics over three passes",
}
ROWS = [0.1, 0.02, 0.25]
STRATEGIES = ["full", "hash", "double_hash", "frequency", "embedding", "combined", "louvain",
              "no_migration"]
# What every set shares with one pass is not measured again with three.
PASSES_MATTER = {"embedding", "combined"}


def is_prequential(name):
    return SETS[name][0] == "prequential"


def key(line):
    return line["set"], line["rows_share"], line["strategy"], line["seed"]


def read_figures(path):
    if not path.exists():
        return {}
    lines = [json.loads(text) for text in path.read_text().splitlines() if text]
    return {key(line): line for line in lines}


def relative(figures, name, rows, strategy, seed):
    """Gap closed, or recall as a share of the full table's, at one seed; NaN if not measured."""
    of_set = "gowalla" if name == "gowalla-3-passes" else name
    own = figures.get((name, rows, strategy, seed)) or figures.get((of_set, rows, strategy, seed))
    full = figures.get((of_set, 1.0, "full", seed))
    if own is None or full is None:
        return math.nan
    if not is_prequential(name):
        return own["recall20"] / full["recall20"]
    hashed = figures.get((of_set, rows, "hash", seed))
    if hashed is None:
        return math.nan
    return (hashed["ne"] - own["ne"]) / (hashed["ne"] - full["ne"])


def spread(values, digits, percent=False):
    values = [value for value in values if value is not None and not math.isnan(value)]
    if not values:
        return ""
    scale = 100 if percent else 1
    text = f"{scale * statistics.mean(values):.{digits}f}"
    if len(values) > 1:
        text += f" ±{scale * statistics.stdev(values):.{digits}f}"
    return text


def table(figures, name):
    prequential = is_prequential(name)
    shares = sorted({k[1] for k in figures if k[0] == name and k[1] < 1})
    lines = [f"### {TITLES[name]}", ""]
    if prequential:
        header = ["rows", "strategy", "NE", "gap closed, %", "log loss", "AUC", "traffic moved, %",
                  "versions", "seeds", "revision"]
    else:
        header = ["rows", "strategy", "recall@20", "of full, %", "AUC", "table rows", "seeds", "revision"]
    lines.append("| " + " | ".join(header) + " |")
    lines.append("|" + "---|" * len(header))
    for share in [1.0, *shares]:
        for strategy in STRATEGIES:
            seeds = sorted(k[3] for k in figures if k[:3] == (name, share, strategy))
            if not seeds:
                continue
            own = [figures[(name, share, strategy, seed)] for seed in seeds]
            gaps = [relative(figures, name, share, strategy, seed) for seed in seeds]
            shown = "combined, no migration" if strategy == "no_migration" else strategy
            mapped = strategy not in ("full", "louvain")

            def over(column, own=own):
                return [line[column] for line in own]

            if prequential:
                reference = strategy in ("full", "hash")
                cells = [spread(over("ne"), 4), "" if reference else spread(gaps, 1, True),
                         spread(over("logloss"), 4), spread(over("auc"), 4),
                         spread(over("traffic_moved"), 1, True) if mapped else "",
                         f"{statistics.mean(over('versions')):.0f}" if mapped else ""]
            else:
                cells = [spread(over("recall20"), 4),
                         "" if strategy == "full" else spread(gaps, 1, True),
                         spread(over("auc"), 4), f"{statistics.mean(over('rows')):.0f}"]
            lines.append("| " + " | ".join(
                ["all" if share == 1.0 else f"{100 * share:g} %", shown, *cells,
                 str(len(seeds)), ", ".join(sorted({line["revision"][:7] for line in own}))])
                + " |")
    lines.append("")
    return lines


def tables(figures):
    """The tables of docs/quality.md."""
    lines = []
    for name in SETS:
        if any(k[0] == name for k in figures):
            lines += table(figures, name)
    return "\n".join(lines)

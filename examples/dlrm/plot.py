"""How the normalised entropies of the example's models went, by matplotlib."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("agg")
# The same figures give the same file, so that it changes only when they do.
matplotlib.rcParams["svg.hashsalt"] = "remapd"
matplotlib.rcParams["svg.fonttype"] = "none"

import matplotlib.pyplot as plt  # noqa: E402  (after the backend is chosen)

LINES = {
    "hash": ("hash", "#d55e00", "-"),
    "unmigrated": ("remapd, no migration", "#999999", "-"),
    "frequency": ("frequency", "#e69f00", "-"),
    "remapd": ("remapd", "#0072b2", "-"),
    "full": ("full table", "black", "--"),
}


def draw(
    curves: dict[str, list[float]], swaps: list[int], samples: int, events: str, out: Path
) -> None:
    """`curves`: of each model the entropy in windows of equal size over the `samples`."""
    figure, axes = plt.subplots(figsize=(7, 4.2))
    for how, (label, colour, style) in LINES.items():
        curve = curves[how]
        at = [(i + 1) * samples / len(curve) for i in range(len(curve))]
        axes.plot(at[1:], curve[1:], style, color=colour, linewidth=1.5, label=label)
    for sample in swaps:
        axes.axvline(sample, color="#0072b2", linewidth=0.4, alpha=0.4)
    axes.set_xlabel("samples (thin lines: swaps)")
    axes.set_ylabel("normalised entropy, predict then learn")
    axes.set_title(f"DLRM-style model on two ranks: {events}")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(out, bbox_inches="tight", metadata={"Date": None} if out.suffix == ".svg" else {})
    plt.close(figure)

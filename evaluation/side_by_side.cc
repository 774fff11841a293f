#include "evaluation/side_by_side.h"

#include <algorithm>
#include <cstddef>

#include "core/base/parallel.h"

namespace remapd::evaluation {
namespace {

// Runs wait for each other at the end of a stretch: short enough for a progress bar that moves,
// long enough for a version more or less not to matter.
constexpr std::size_t kStretches = 400;
constexpr std::size_t kShortest = 512;

}  // namespace

void run_side_by_side(std::span<Prequential> runs, const std::function<void(double)>& progress) {
  if (runs.empty()) return;
  const std::size_t samples = runs.front().samples();
  const std::size_t stretch = std::max(samples / kStretches, kShortest);
  for (std::size_t done = 0; done < samples; done += stretch) {
    parallel_pieces(runs.size(), [&](std::size_t i) {
      // A run that waits for its own engine's parallel work must not begin another run meanwhile.
      run_isolated([&] { runs[i].advance(stretch); });
    });
    progress(std::min(1.0, static_cast<double>(done + stretch) / static_cast<double>(samples)));
  }
}

}  // namespace remapd::evaluation

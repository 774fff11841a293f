#include "tests/quality/co_clusters.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <igraph/igraph.h>

#include "core/base/check.h"

namespace remapd::quality {
namespace {

constexpr int kTries = 12;
constexpr double kFirstResolution = 4;
constexpr double kStep = 8;           // between resolutions until the budget is bracketed
constexpr double kGoodEnough = 0.98;  // of the rows in use
constexpr double kAim = 0.99;         // likewise
constexpr double kMargin = 0.05;      // a bracket shrinks at least this much, in log resolution

// Owns an igraph object.
template <class T, auto kDestroy>
class Owned {
 public:
  Owned() = default;
  ~Owned() { kDestroy(&value_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  T* get() { return &value_; }

 private:
  T value_{};
};
using Graph = Owned<igraph_t, igraph_destroy>;
using Reals = Owned<igraph_vector_t, igraph_vector_destroy>;
using Integers = Owned<igraph_vector_int_t, igraph_vector_int_destroy>;

// igraph's own handler ends the process with a message on any error before this sees it.
void check(igraph_error_t error) {
  REMAPD_CHECK(error == IGRAPH_SUCCESS, "igraph reports errors by ending the process");
}

// The rows that a clustering needs, and who is in which.
std::vector<evaluation::RowsOfIds> rows_of(const igraph_vector_int_t& communities,
                                           std::span<const std::uint32_t> begins) {
  const auto count = static_cast<std::size_t>(igraph_vector_int_max(&communities)) + 1;
  std::vector<evaluation::RowsOfIds> sides;
  for (std::size_t side = 0; side + 1 < begins.size(); ++side) {
    evaluation::RowsOfIds rows;
    std::vector<Row> of_community(count, kNoRow);
    for (std::uint32_t node = begins[side]; node < begins[side + 1]; ++node) {
      Row& row = of_community[static_cast<std::size_t>(VECTOR(communities)[node])];
      if (row == kNoRow) row = Row{rows.rows++};
      rows.first.push_back(row);
    }
    sides.push_back(std::move(rows));
  }
  return sides;
}

std::uint64_t total_rows(const std::vector<evaluation::RowsOfIds>& sides) {
  std::uint64_t rows = 0;
  for (const evaluation::RowsOfIds& side : sides) rows += side.rows;
  return rows;
}

struct Try {
  double resolution = 0;
  double rows = 0;  // needed
};

// Between the two on the line through them, both scales logarithmic: rows grow about as a power of
// the resolution.
double next_resolution(const std::optional<Try>& fits, const std::optional<Try>& exceeds,
                       double aim) {
  if (!fits) return exceeds->resolution / kStep;
  if (!exceeds) return fits->resolution * kStep;
  const double way = std::log(aim / fits->rows) / std::log(exceeds->rows / fits->rows);
  return fits->resolution *
         std::pow(exceeds->resolution / fits->resolution, std::clamp(way, kMargin, 1 - kMargin));
}

class Louvain {
 public:
  explicit Louvain(const CoAccessCounts& counts) : begins_(counts.begins()) {
    const std::vector<CoAccessCounts::Edge> edges = counts.edges();
    const auto size = static_cast<igraph_integer_t>(edges.size());
    Integers ends;
    check(igraph_vector_int_init(ends.get(), 2 * size));
    check(igraph_vector_init(weights_.get(), size));
    for (igraph_integer_t i = 0; i < size; ++i) {
      const CoAccessCounts::Edge& edge = edges[static_cast<std::size_t>(i)];
      VECTOR(*ends.get())[2 * i] = edge.first;
      VECTOR(*ends.get())[2 * i + 1] = edge.second;
      VECTOR(*weights_.get())[i] = edge.weight;
    }
    check(igraph_create(graph_.get(), ends.get(), begins_.back(), IGRAPH_UNDIRECTED));
  }

  std::vector<evaluation::RowsOfIds> cluster(double resolution, std::uint64_t seed) {
    check(igraph_rng_seed(igraph_rng_default(), seed));
    Integers communities;
    check(igraph_vector_int_init(communities.get(), 0));
    check(igraph_community_multilevel(graph_.get(), weights_.get(), resolution, communities.get(),
                                      nullptr, nullptr));
    return rows_of(*communities.get(), begins_);
  }

 private:
  std::span<const std::uint32_t> begins_;
  Graph graph_;
  Reals weights_;
};

}  // namespace

CoAccessCounts::CoAccessCounts(std::span<const std::uint32_t> ids) : begins_{0} {
  for (const std::uint32_t count : ids) begins_.push_back(begins_.back() + count);
}

void CoAccessCounts::add(std::uint32_t side, std::uint32_t id, std::uint32_t other_side,
                         std::uint32_t other_id) {
  REMAPD_CHECK(side != other_side, "edges join ids of different features");
  const std::uint64_t one = begins_[side] + id;
  const std::uint64_t other = begins_[other_side] + other_id;
  pairs_.push_back(std::min(one, other) << 32 | std::max(one, other));
}

std::vector<CoAccessCounts::Edge> CoAccessCounts::edges() const {
  std::vector<std::uint64_t> sorted = pairs_;
  std::ranges::sort(sorted);
  std::vector<Edge> edges;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i == 0 || sorted[i] != sorted[i - 1]) {
      edges.push_back(
          {static_cast<std::uint32_t>(sorted[i] >> 32), static_cast<std::uint32_t>(sorted[i]), 0});
    }
    edges.back().weight += 1;
  }
  return edges;
}

Result<std::vector<evaluation::RowsOfIds>> rows_by_co_clusters(const CoAccessCounts& counts,
                                                               std::uint64_t rows,
                                                               std::uint64_t seed) {
  Louvain louvain(counts);
  const auto budget = static_cast<double>(rows);
  std::vector<evaluation::RowsOfIds> best;
  std::optional<Try> fits;     // the finest that does
  std::optional<Try> exceeds;  // the coarsest that does
  double resolution = kFirstResolution;
  for (int i = 0; i < kTries && (!fits || fits->rows < kGoodEnough * budget); ++i) {
    std::vector<evaluation::RowsOfIds> sides = louvain.cluster(resolution, seed);
    const Try now{resolution, static_cast<double>(total_rows(sides))};
    if (now.rows > budget) {
      if (!exceeds || now.rows < exceeds->rows) exceeds = now;
    } else {
      if (!fits || now.rows > fits->rows) {
        fits = now;
        best = std::move(sides);
      }
      // All ids have rows of their own: there is nothing finer.
      if (now.rows == counts.begins().back()) break;
    }
    resolution = next_resolution(fits, exceeds, kAim * budget);
  }
  if (best.empty()) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("louvain needs at least {:.0f} rows: no coarser communities were found; "
                    "give more with --rows",
                    exceeds->rows));
  }
  return best;
}

}  // namespace remapd::quality

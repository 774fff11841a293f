#include "core/placement/builder.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/placement/cluster_refinement.h"
#include "core/placement/kmeans.h"
#include "core/placement/migration_planner.h"
#include "core/placement/row_layout.h"

namespace remapd::placement {
namespace {

constexpr double kDedicatedRankSlack = 1.5;
constexpr std::size_t kPiece = 16'384;  // ids a task works on
constexpr double kReclusterGrowth = 2.0;
// Rounds of k-means from scratch: fewer for large tables, which start from better seeds and are
// refined by the versions that follow.
constexpr std::size_t kFewIds = 2'000'000;
constexpr std::uint32_t kManyRounds = 24;
constexpr std::uint32_t kFewRounds = 8;
constexpr float kRareAccesses = 3;
constexpr std::size_t kRestartSourceIds = 4096;  // rows a restarted row is the mean of, at most
constexpr std::uint64_t kRevisitVersions = 8;    // versions between two looks at an id not accessed

// The incumbent's row of every id of the new version; kNoRow where it did not know the id.
std::vector<Row> incumbent_rows(const BuildInput& input) {
  std::vector<Row> rows(input.ids.size(), kNoRow);
  if (input.incumbent == nullptr) return rows;
  const mapping::Mapping& old = *input.incumbent;
  std::size_t at = 0;
  for (std::size_t i = 0; i < input.ids.size(); ++i) {
    while (at < old.ids.size() && old.ids[at] < input.ids[i]) ++at;
    if (at < old.ids.size() && old.ids[at] == input.ids[i]) rows[i] = old.rows[at];
  }
  return rows;
}

// Positions by falling frequency; ties by hashed id, so that no range of ids is preferred.
std::vector<std::uint32_t> by_frequency(const BuildInput& input, std::uint64_t seed) {
  struct Ranked {
    float frequency;
    std::uint32_t position;
    std::uint64_t hash;
  };
  std::vector<Ranked> ranked(input.ids.size());
  parallel_ranges(ranked.size(), kPiece, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      ranked[i] = {input.frequency[i], static_cast<std::uint32_t>(i), hash_id(input.ids[i], seed)};
    }
  });
  parallel_sort(ranked, [](const Ranked& a, const Ranked& b) {
    return a.frequency != b.frequency ? a.frequency > b.frequency : a.hash < b.hash;
  });
  std::vector<std::uint32_t> order(ranked.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = ranked[i].position;
  return order;
}

// Gives rows [0, dedicated) to the head of `order`. An id that had one of these rows keeps it while
// its rank is below kDedicatedRankSlack * dedicated. Returns for each id whether it is dedicated.
std::vector<bool> place_dedicated(std::span<const std::uint32_t> order,
                                  std::span<const Row> old_rows, std::uint32_t dedicated,
                                  std::uint32_t old_dedicated, std::span<Row> rows) {
  std::vector<bool> owns(rows.size(), false);
  std::vector<bool> taken(dedicated, false);
  const std::uint32_t keepable = std::min(dedicated, old_dedicated);
  const auto limit = std::min(
      order.size(), static_cast<std::size_t>(kDedicatedRankSlack * static_cast<double>(dedicated)));
  std::uint32_t placed = 0;
  for (std::size_t rank = 0; rank < limit; ++rank) {
    const std::uint32_t i = order[rank];
    // Two ids may have had the same row, because an artifact takes a few new ids for known ones:
    // the more frequent one keeps it.
    if (old_rows[i].value >= keepable || taken[old_rows[i].value]) continue;
    rows[i] = old_rows[i];
    owns[i] = true;
    taken[rows[i].value] = true;
    ++placed;
  }
  std::uint32_t free = 0;
  for (std::size_t rank = 0; rank < order.size() && placed < dedicated; ++rank) {
    const std::uint32_t i = order[rank];
    if (owns[i]) continue;
    while (taken[free]) ++free;
    taken[free] = true;
    rows[i] = Row{free};
    owns[i] = true;
    ++placed;
  }
  return owns;
}

class Builder {
 public:
  Builder(const BuildInput& input, const BuilderConfig& config)
      : in_(input), config_(config), old_rows_(incumbent_rows(input)) {
    REMAPD_CHECK(input.frequency.size() == input.ids.size(), "one frequency for each id");
    out_.clustered_ids = input.clustered_ids;
    mapping::MappingInfo& info = out_.mapping.info;
    info.table = input.table;
    info.version = input.version;
    info.parent = input.incumbent != nullptr ? input.incumbent->info.version : kNoVersion;
    info.epoch = input.epoch;
    info.strategy = config.strategy;
    info.rows = config.rows;
    info.built_ms = input.built_ms;
  }

  BuildResult build() && {
    switch (config_.strategy) {
      case mapping::Strategy::kHash:
        build_hash();
        break;
      case mapping::Strategy::kDoubleHash:
        build_head(2);
        break;
      case mapping::Strategy::kFrequency:
        build_head(1);
        break;
      case mapping::Strategy::kEmbedding:
      case mapping::Strategy::kCombined:
        build_clustered();
        break;
    }
    parallel_pieces(2, [&](std::size_t piece) {
      if (piece == 0) {
        out_.plan = plan();
      } else {
        fill_stats();
      }
    });
    return std::move(out_);
  }

 private:
  bool by_embedding() const {
    return config_.strategy == mapping::Strategy::kEmbedding ||
           config_.strategy == mapping::Strategy::kCombined;
  }

  void build_hash() {
    out_.mapping.info.fallback = mapping::initial_fallback(config_.rows, config_.seed);
  }

  // Frequent ids own a row, the others are hashed onto the remaining rows, once or twice.
  void build_head(std::uint32_t ways) {
    mapping::MappingInfo& info = out_.mapping.info;
    const auto order = by_frequency(in_, config_.seed);
    const auto wish = static_cast<std::uint32_t>(config_.dedicated_share * config_.rows);
    const std::uint32_t dedicated = static_cast<std::uint32_t>(std::min<std::size_t>(
        in_.ids.size() < config_.rows ? in_.ids.size() : std::min(wish, config_.rows - 1),
        in_.ids.size()));
    std::vector<Row> rows(in_.ids.size(), kNoRow);
    const auto owns = place_dedicated(order, old_rows_, dedicated, old_dedicated(), rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!owns[i]) continue;
      out_.mapping.ids.push_back(in_.ids[i]);
      out_.mapping.rows.push_back(rows[i]);
      positions_.push_back(static_cast<std::uint32_t>(i));
    }
    info.dedicated_rows = dedicated;
    info.fallback = {.first_row = dedicated,
                     .row_count = config_.rows - dedicated,
                     .ways = ways,
                     .seed = config_.seed};
    if (info.fallback.row_count == 0)
      info.fallback = mapping::initial_fallback(config_.rows, config_.seed);
  }

  void build_clustered() {
    const std::size_t n = in_.ids.size();
    std::uint64_t new_ids = in_.placed_new_ids;
    for (const Row row : old_rows_) new_ids += row == kNoRow ? 1 : 0;
    std::optional<LayoutRequest::Incumbent> incumbent;
    if (in_.incumbent != nullptr) {
      const mapping::MappingStats& stats = in_.incumbent->stats;
      incumbent = {.shared = stats.shared_rows, .new_id_rows = stats.fallback_rows};
    }
    const RowLayout layout = plan_layout(
        {.rows = config_.rows,
         .dedicated_share =
             config_.strategy == mapping::Strategy::kEmbedding ? 0.0 : config_.dedicated_share,
         .new_id_share = config_.new_id_share,
         .ids = n,
         .new_ids = new_ids,
         .new_id_persistence = in_.new_id_persistence,
         .incumbent = incumbent});
    std::vector<Row> rows(n, kNoRow);
    const auto owns = place_dedicated(by_frequency(in_, config_.seed), old_rows_, layout.dedicated,
                                      old_dedicated(), rows);
    PlacedRows::Content placed;
    placed.first_row = layout.dedicated;
    placed.metric = in_.metric;
    if (layout.shared > 0) place_clusters(layout, owns, rows, placed);
    placed.rare = rows_of_rare_ids(rows);
    out_.placed = std::make_shared<PlacedRows>(std::move(placed), config_.seed);

    mapping::MappingInfo& info = out_.mapping.info;
    info.dedicated_rows = layout.dedicated;
    info.fallback = {
        .first_row = layout.placed(), .row_count = layout.new_id_rows, .seed = config_.seed};
    if (layout.new_id_rows == 0) {
      info.fallback.first_row = layout.shared > 0 ? layout.dedicated : 0;
      info.fallback.row_count = config_.rows - info.fallback.first_row;
    }
    out_.mapping.stats.shared_rows = layout.shared;
    out_.mapping.ids = in_.ids;
    out_.mapping.rows = std::move(rows);
    positions_.resize(n);
    std::iota(positions_.begin(), positions_.end(), 0U);
  }

  // Clusters the ids that own no row into rows [dedicated, dedicated + shared).
  void place_clusters(const RowLayout& layout, const std::vector<bool>& owns,
                      std::vector<Row>& rows, PlacedRows::Content& placed) {
    REMAPD_CHECK(in_.dimension > 0 && in_.embedding.size() == in_.ids.size() * in_.dimension,
                 "clustering needs one embedding for each id");
    const bool weighted = config_.strategy == mapping::Strategy::kCombined;
    std::vector<std::uint32_t> members;
    members.reserve(rows.size());
    for (std::uint32_t i = 0; i < rows.size(); ++i) {
      if (!owns[i]) members.push_back(i);
    }
    const std::size_t n = members.size();
    std::vector<float> points(n * in_.dimension);
    std::vector<float> weights(n);
    std::vector<float> traffic(n);
    std::vector<std::uint8_t> may_move(n);
    std::vector<std::uint32_t> held(n);
    const std::uint32_t first_kept = std::max(layout.dedicated, old_dedicated());
    parallel_ranges(n, kPiece, [&](std::size_t begin, std::size_t end) {
      for (std::size_t m = begin; m < end; ++m) {
        const std::uint32_t i = members[m];
        std::copy_n(in_.embedding.data() + i * in_.dimension, in_.dimension,
                    points.data() + m * in_.dimension);
        weights[m] = weighted ? in_.frequency[i] : 1.0F;
        traffic[m] = in_.frequency[i];
        may_move[m] = in_.touched.empty() || in_.touched[i] != 0 ||
                      (mix64(in_.ids[i]) + in_.version.value) % kRevisitVersions == 0;
        const Row old = old_rows_[i];
        const bool keeps = old != kNoRow && old.value >= first_kept && old.value < layout.placed();
        held[m] = keeps ? old.value - layout.dedicated : kUnassigned;
      }
    });
    const bool any_held =
        std::any_of(held.begin(), held.end(), [](std::uint32_t h) { return h != kUnassigned; });
    std::vector<std::uint32_t> assignment = held;
    const bool afresh = !any_held || static_cast<double>(members.size()) >
                                         kReclusterGrowth * static_cast<double>(in_.clustered_ids);
    if (afresh) {
      assignment = hierarchical_kmeans(points, weights, in_.dimension, layout.shared,
                                       {.iterations = n <= kFewIds ? kManyRounds : kFewRounds,
                                        .seed = config_.seed,
                                        .seeded = n > kFewIds});
      match_clusters(held, traffic, layout.shared, assignment);
      out_.clustered_ids = members.size();
    } else {
      double total = 0;
      for (const float f : in_.frequency) total += f;
      refine_clusters({.points = points,
                       .weights = weights,
                       .traffic = traffic,
                       .dimension = in_.dimension,
                       .clusters = layout.shared,
                       .hysteresis = config_.hysteresis,
                       .churn_budget = config_.churn_budget * total,
                       .may_move = may_move,
                       .seed = config_.seed},
                      assignment);
    }
    for (std::size_t m = 0; m < members.size(); ++m) {
      rows[members[m]] = Row{layout.dedicated + assignment[m]};
    }
    ClusterMeans clusters =
        cluster_means(points, weights, in_.dimension, layout.shared, assignment);
    out_.mapping.stats.distortion = clusters.distortion;
    placed.dimension = in_.dimension;
    placed.centroids = std::move(clusters.means);
    placed.traffic.assign(layout.shared, 0);
    for (std::size_t m = 0; m < members.size(); ++m) placed.traffic[assignment[m]] += traffic[m];
  }

  std::vector<Row> rows_of_rare_ids(const std::vector<Row>& rows) const {
    std::vector<std::uint32_t> rare;
    for (std::uint32_t i = 0; i < rows.size(); ++i) {
      if (in_.frequency[i] <= kRareAccesses) rare.push_back(i);
    }
    std::vector<Row> out;
    for_sample(rare, [&](std::uint32_t i) { out.push_back(rows[i]); });
    return out;
  }

  // fn(i) for about kRestartSourceIds of the ids at these positions.
  template <class Fn>
  void for_sample(std::span<const std::uint32_t> positions, Fn&& fn) const {
    const std::uint64_t stride = 1 + positions.size() / kRestartSourceIds;
    for (const std::uint32_t i : positions) {
      if (stride == 1 || mix64(in_.ids[i]) % stride == 0) fn(i);
    }
  }

  std::uint32_t old_dedicated() const {
    return in_.incumbent != nullptr ? in_.incumbent->info.dedicated_rows : 0;
  }
  mapping::Fallback old_fallback() const {
    return in_.incumbent != nullptr ? in_.incumbent->info.fallback
                                    : mapping::initial_fallback(config_.rows, config_.seed);
  }

  void fill_stats() {
    const mapping::Mapping& mapping = out_.mapping;
    mapping::MappingStats& stats = out_.mapping.stats;
    stats.ids = mapping.ids.size();
    stats.dedicated_rows = mapping.info.dedicated_rows;
    stats.fallback_rows = mapping.info.fallback.row_count;
    stats.new_id_traffic = in_.new_id_traffic;
    double total = 0;
    for (const float f : in_.frequency) total += f;
    std::vector<bool> used(mapping.info.rows, false);
    double dedicated = 0;
    double known = 0;
    double moved = 0;
    for (std::size_t m = 0; m < positions_.size(); ++m) {
      const std::uint32_t i = positions_[m];
      const Row row = mapping.rows[m];
      const double f = in_.frequency[i];
      used[row.value] = true;
      known += f;
      if (row.value < mapping.info.dedicated_rows) dedicated += f;
      if (old_rows_[i] != kNoRow && old_rows_[i] != row) {
        moved += f;
        ++stats.ids_moved;
      }
    }
    stats.rows_used = static_cast<std::uint32_t>(std::count(used.begin(), used.end(), true));
    if (total > 0) {
      stats.traffic_dedicated = dedicated / total;
      stats.traffic_shared = (by_embedding() ? known - dedicated : total - dedicated) / total;
      stats.traffic_moved = moved / total;
    }
  }

  mapping::MigrationPlan plan() const {
    const mapping::Mapping& mapping = out_.mapping;
    const mapping::Fallback before = old_fallback();
    PlanInput request;
    request.table = in_.table;
    request.from = mapping.info.parent;
    request.to = mapping.info.version;
    request.from_rows = in_.incumbent != nullptr ? in_.incumbent->info.rows : config_.rows;
    request.to_rows = config_.rows;
    request.old_rows.reserve(positions_.size());
    request.new_rows.reserve(positions_.size());
    request.weights.reserve(positions_.size());
    std::vector<bool> left(request.from_rows, false);
    for (std::size_t m = 0; m < positions_.size(); ++m) {
      const std::uint32_t i = positions_[m];
      const bool arrived = old_rows_[i] == kNoRow;
      const Row old = arrived ? before.row(in_.ids[i]) : old_rows_[i];
      request.old_rows.push_back(old);
      request.new_rows.push_back(mapping.rows[m]);
      request.weights.push_back(in_.frequency[i]);
      if (arrived) left[old.value] = true;
    }
    if (by_embedding()) add_restarted_rows(left, request);
    return make_plan(request);
  }

  // Restarts the new-id rows whose ids are placed elsewhere now, and rows that become new-id rows,
  // from the mean over rare known ids. (Not from the new-id rows themselves: they started from such
  // a mean, and the few large steps of new ids would add up from version to version.) A single
  // new-id row restarts from the rows of the ids that were new.
  void add_restarted_rows(const std::vector<bool>& left, PlanInput& request) const {
    const mapping::MappingInfo& info = out_.mapping.info;
    std::vector<bool> held(info.rows, false);
    for (const Row row : out_.mapping.rows) held[row.value] = true;
    const mapping::Fallback before = old_fallback();
    const std::uint32_t end = info.fallback.first_row + info.fallback.row_count;
    for (std::uint32_t row = info.fallback.first_row; row < end; ++row) {
      const bool was_new_id_row = row - before.first_row < before.row_count;
      if (!held[row] && (!was_new_id_row || left[row])) request.restarted.push_back(Row{row});
    }
    if (request.restarted.empty()) return;
    const bool one_row = info.fallback.row_count == 1;
    std::vector<std::uint32_t> typical;
    for (std::uint32_t i = 0; i < old_rows_.size(); ++i) {
      const bool arrived = old_rows_[i] == kNoRow;
      if (one_row ? arrived : !arrived && in_.frequency[i] <= kRareAccesses) typical.push_back(i);
    }
    if (typical.empty()) typical = positions_;  // the first version, or no rare ids
    for_sample(typical, [&](std::uint32_t i) {
      request.restart_sources.push_back(old_rows_[i] != kNoRow ? old_rows_[i]
                                                               : before.row(in_.ids[i]));
      request.restart_weights.push_back(1);
    });
  }

  const BuildInput& in_;
  const BuilderConfig& config_;
  std::vector<Row> old_rows_;             // of every input id
  std::vector<std::uint32_t> positions_;  // input position of each id of the mapping
  BuildResult out_;
};

}  // namespace

BuildResult build_mapping(const BuildInput& input, const BuilderConfig& config) {
  return Builder(input, config).build();
}

}  // namespace remapd::placement

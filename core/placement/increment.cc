#include "core/placement/increment.h"

#include <algorithm>
#include <map>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/placement/migration_planner.h"

namespace remapd::placement {
namespace {

constexpr std::size_t kQueries = 4'096;  // ids whose nearest rows are searched together

class Incrementer {
 public:
  Incrementer(const IncrementInput& input, const PlacedRows& placed) : in_(input), placed_(placed) {
    mapping::MappingInfo& info = out_.delta.to;
    info = in_.parent;
    info.parent = in_.parent.version;
    info.version = in_.version;
    info.epoch = in_.epoch;
    info.built_ms = in_.built_ms;
    out_.stats = in_.parent_stats;
    out_.stats.ids_moved = 0;
    out_.stats.new_id_traffic = in_.new_id_traffic;
  }

  Increment make() && {
    if (has_rows_to_spare(in_.parent_stats)) {
      give_rows();
    } else {
      join_rows();
    }
    fill_delta();
    fill_plan();
    return std::move(out_);
  }

 private:
  bool is_new(std::size_t i) const { return in_.rows[i] == kNoRow; }
  // Where the id was looked up before.
  Row row_before(std::size_t i) const {
    return is_new(i) ? in_.parent.fallback.row(in_.ids[i]) : in_.rows[i];
  }

  void give_rows() {
    rows_ = in_.rows;
    mapping::MappingInfo& info = out_.delta.to;
    for (Row& row : rows_) {
      if (row != kNoRow) continue;
      REMAPD_CHECK(info.fallback.row_count > 1, "there are rows to spare");
      row = Row{info.fallback.first_row++};
      --info.fallback.row_count;
      ++info.dedicated_rows;
      ++out_.stats.rows_used;
    }
    out_.stats.dedicated_rows = info.dedicated_rows;
    out_.stats.fallback_rows = info.fallback.row_count;
  }

  void join_rows() {
    const std::size_t n = in_.ids.size();
    const std::size_t d = placed_.content().dimension;
    REMAPD_CHECK(in_.embedding.size() == n * d, "placing needs one embedding for each id");
    std::vector<PlacedRows::Nearest> nearest(n);
    parallel_ranges(n, kQueries, [&](std::size_t begin, std::size_t end) {
      placed_.nearest(std::span(in_.embedding).subspan(begin * d, (end - begin) * d),
                      std::span(nearest).subspan(begin, end - begin));
    });
    struct Move {
      float gain;
      std::uint32_t id;
    };
    std::vector<Move> moves;
    rows_ = in_.rows;
    for (std::uint32_t i = 0; i < n; ++i) {
      if (is_new(i)) {
        rows_[i] = nearest[i].row;
      } else if (nearest[i].row != in_.rows[i] && placed_.holds(in_.rows[i])) {
        const float own = placed_.distance(in_.embedding.data() + i * d, in_.rows[i]);
        if (in_.frequency[i] > kSettledAccesses || nearest[i].distance >= kMoveShare * own)
          continue;
        moves.push_back({in_.frequency[i] * (own - nearest[i].distance), i});
      }
    }
    std::sort(moves.begin(), moves.end(), [](const Move& a, const Move& b) {
      return a.gain != b.gain ? a.gain > b.gain : a.id < b.id;
    });
    double budget = in_.churn_budget;
    for (const Move& move : moves) {
      if (in_.frequency[move.id] > budget) continue;
      budget -= in_.frequency[move.id];
      rows_[move.id] = nearest[move.id].row;
    }
  }

  void fill_delta() {
    mapping::Delta& delta = out_.delta;
    delta.content_hash = in_.parent_content;
    double moved = 0;
    for (std::size_t i = 0; i < in_.ids.size(); ++i) {
      const Id id = in_.ids[i];
      if (rows_[i] == in_.rows[i]) continue;
      delta.content_hash += mapping::content_term(id, rows_[i]);
      if (is_new(i)) {
        delta.added.push_back(id);
        delta.added_rows.push_back(rows_[i]);
      } else {
        delta.content_hash -= mapping::content_term(id, in_.rows[i]);
        delta.moved.push_back(id);
        delta.moved_rows.push_back(rows_[i]);
        moved += static_cast<double>(in_.frequency[i]);
      }
    }
    delta.ids = in_.parent_stats.ids + delta.added.size();
    out_.stats.ids = delta.ids;
    out_.stats.ids_moved = delta.moved.size();
    out_.stats.traffic_moved =
        in_.total_frequency > 0 ? std::min(1.0, moved / in_.total_frequency) : 0;
  }

  // What becomes of a row that ids join: its own content by the traffic of the ids that stay, and
  // theirs.
  void fill_plan() {
    struct Traffic {
      double joins = 0;
      double leaves = 0;
    };
    std::map<Row, Traffic> of;  // rows that ids join or leave
    RowChanges changes;
    changes.table = in_.parent.table;
    changes.from = in_.parent.version;
    changes.to = in_.version;
    changes.rows = in_.parent.rows;
    for (std::size_t i = 0; i < in_.ids.size(); ++i) {
      if (rows_[i] == in_.rows[i]) continue;
      const float weight = in_.frequency[i];
      changes.sources.push_back({.to = rows_[i], .from = row_before(i), .weight = weight});
      of[rows_[i]].joins += static_cast<double>(weight);
      if (!is_new(i)) of[in_.rows[i]].leaves += static_cast<double>(weight);
    }
    for (const auto& [row, traffic] : of) {
      if (!placed_.holds(row)) continue;  // an id's own
      const double stays = static_cast<double>(placed_.traffic(row)) - traffic.leaves;
      if (stays > 0 && traffic.joins > 0) {
        changes.sources.push_back({.to = row, .from = row, .weight = static_cast<float>(stays)});
      }
      // A row that held ids stays one that ids can join.
      const double now = std::max(stays + traffic.joins, 1e-6);
      out_.traffic.push_back({row, static_cast<float>(now)});
    }
    add_restarted_rows(changes);
    out_.plan = plan_of(std::move(changes));
  }

  // New-id rows whose ids are placed elsewhere now, as in a full build.
  void add_restarted_rows(RowChanges& changes) const {
    const mapping::Fallback& now = out_.delta.to.fallback;
    const std::uint32_t placed = out_.delta.to.dedicated_rows + out_.stats.shared_rows;
    std::vector<Row> left;
    for (std::size_t i = 0; i < in_.ids.size(); ++i) {
      if (!is_new(i)) continue;
      const Row before = row_before(i);
      if (before.value >= placed) left.push_back(before);
    }
    if (left.empty()) return;
    changes.restart_sources = now.row_count == 1 ? left : placed_.content().rare;
    if (changes.restart_sources.empty()) changes.restart_sources = left;
    std::sort(left.begin(), left.end());
    left.erase(std::unique(left.begin(), left.end()), left.end());
    changes.restarted = std::move(left);
  }

  const IncrementInput& in_;
  const PlacedRows& placed_;
  std::vector<Row> rows_;  // n, in the new version
  Increment out_;
};

}  // namespace

Increment make_increment(const IncrementInput& input, const PlacedRows& placed) {
  return Incrementer(input, placed).make();
}

}  // namespace remapd::placement

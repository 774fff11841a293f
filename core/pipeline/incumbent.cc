#include "core/pipeline/incumbent.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/base/check.h"

namespace remapd::pipeline {

Incumbent::Incumbent(mapping::Mapping mapping)
    : info_(mapping.info),
      stats_(mapping.stats),
      content_hash_(mapping::content_hash(mapping)),
      built_(std::make_shared<const mapping::Mapping>(std::move(mapping))),
      index_(std::make_shared<const mapping::IdIndex>(built_->ids)) {
  stats_.ids = built_->ids.size();
}

void Incumbent::find(std::span<const Id> ids, std::span<Row> rows) const {
  constexpr std::size_t kTogether = 64;
  std::array<std::size_t, kTogether> places;
  for (std::size_t first = 0; first < ids.size(); first += kTogether) {
    const std::size_t count = std::min(kTogether, ids.size() - first);
    index_->find(ids.subspan(first, count), std::span(places).first(count));
    for (std::size_t i = 0; i < count; ++i) {
      rows[first + i] = places[i] < built_->ids.size() ? built_->rows[places[i]] : kNoRow;
    }
  }
  if (changed_.empty()) return;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (const auto at = changed_.find(ids[i]); at != changed_.end()) rows[i] = at->second;
  }
}

Row Incumbent::lookup(Id id) const {
  Row row = kNoRow;
  find({&id, 1}, {&row, 1});
  return row == kNoRow ? info_.fallback.row(id) : row;
}

void Incumbent::apply(const mapping::Delta& delta, const mapping::MappingStats& stats) {
  REMAPD_CHECK(delta.removed.empty(), "an increment removes no ids");
  info_ = delta.to;
  stats_ = stats;
  content_hash_ = delta.content_hash;
  for (std::size_t i = 0; i < delta.added.size(); ++i) {
    changed_.insert_or_assign(delta.added[i], delta.added_rows[i]);
  }
  for (std::size_t i = 0; i < delta.moved.size(); ++i) {
    changed_.insert_or_assign(delta.moved[i], delta.moved_rows[i]);
  }
}

std::shared_ptr<const mapping::Mapping> Incumbent::mapping() const {
  if (changed_.empty() && info_ == built_->info) return built_;
  std::vector<std::pair<Id, Row>> changed(changed_.begin(), changed_.end());
  std::sort(changed.begin(), changed.end());
  auto out = std::make_shared<mapping::Mapping>();
  out->info = info_;
  out->stats = stats_;
  out->ids.reserve(stats_.ids);
  out->rows.reserve(stats_.ids);
  auto at = changed.begin();
  const auto take_changed = [&] {
    out->ids.push_back(at->first);
    out->rows.push_back(at->second);
    ++at;
  };
  for (std::size_t i = 0; i < built_->ids.size(); ++i) {
    while (at != changed.end() && at->first < built_->ids[i]) take_changed();
    if (at != changed.end() && at->first == built_->ids[i]) {
      take_changed();
    } else {
      out->ids.push_back(built_->ids[i]);
      out->rows.push_back(built_->rows[i]);
    }
  }
  while (at != changed.end()) take_changed();
  return out;
}

std::size_t Incumbent::memory_bytes() const {
  constexpr std::size_t kEntry = sizeof(Id) + sizeof(Row) + 2 * sizeof(void*);
  return built_->ids.size() * (sizeof(Id) + sizeof(Row)) + index_->memory_bytes() +
         changed_.size() * kEntry + changed_.bucket_count() * sizeof(void*);
}

}  // namespace remapd::pipeline

#include "core/embedding/stretch.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <utility>

#include "core/base/check.h"
#include "core/embedding/copy_others.h"
#include "core/embedding/thinning.h"

namespace remapd::embedding {
namespace {

// log2 of the accesses that are learned of each doubling of an id's: 32, in samples of two ids 64,
// for there an access offers one context, and a full sample of neighbours wants 63 for a doubling.
constexpr std::uint32_t kLearnedOfPairs = 6;
constexpr std::uint32_t kLearned = 5;
// Contexts are found for so many ids at a time, or so many samples.
constexpr std::size_t kIdsTogether = 2'048;
constexpr std::size_t kLeastSamples = 16;

// Seldom anew.
template <class T>
void make_at_least(std::vector<T>& room, std::size_t size) {
  if (room.size() < size) room.resize(std::bit_ceil(size));
}

}  // namespace

void Stretch::prepare(const SlotBatch& batch, std::size_t first, std::size_t last,
                      std::span<const NodeRange> tables, const Generations& generations) {
  REMAPD_CHECK(last - first <= kMaxSamples, "a stretch's samples are numbered in 16 bits");
  parts_.resize(tables.size() * kParts);
  make_room(batch, first, last);
  find_kinds(std::span(batch.labels).subspan(first, samples_));
  columns_.clear();
  if (all_nothing_) return;
  std::size_t begin = 0;
  for (const SlotBatch::Column& column : batch.columns) {
    columns_.push_back({.begin = column.begin.data() + first, .at = begin});
    const std::size_t at = column.begin[first];
    const std::size_t count = column.begin[last] - at;
    const auto slots = std::span(column.slots).subspan(at, count);
    const Node first_node = tables[column.table.value].first;
    const auto entries = std::span(entries_).subspan(begin, count);
    generations.entries(first_node, slots, std::span(column.generation).subspan(at, count),
                        entries);
    const auto sample_of = std::span(sample_of_).subspan(begin, count);
    number_samples(column, first, sample_of);
    thin_column(first_node, slots, std::span(column.count).subspan(at, count), sample_of);
    take_learned(generations, entries, sample_of, &parts_[column.table.value * kParts]);
    begin += count;
  }
  for (Part& part : parts_) {
    if (part.columns > 1) order_by_sample(part);
  }
}

// For what there is at most; and counts the ids of each sample.
void Stretch::make_room(const SlotBatch& batch, std::size_t first, std::size_t last) {
  samples_ = last - first;
  ids_in_.assign(samples_, 0);
  for (Part& part : parts_) {
    part.size = 0;
    part.columns = 0;
  }
  ids_ = 0;
  std::size_t longest = 0;
  for (const SlotBatch::Column& column : batch.columns) {
    const std::uint32_t* const begin = column.begin.data() + first;
    for (std::size_t s = 0; s < samples_; ++s) ids_in_[s] += begin[s + 1] - begin[s];
    const std::size_t count = begin[samples_] - begin[0];
    for (std::uint32_t p = 0; p < kParts; ++p) {
      parts_[column.table.value * kParts + p].size += count;
    }
    ids_ += count;
    longest = std::max(longest, count);
  }
  for (Part& part : parts_) make_at_least(part.accesses, std::exchange(part.size, 0));
  make_at_least(entries_, ids_);
  make_at_least(sample_of_, ids_);
  make_at_least(contexts_, ids_ + kCopyRoom);
  make_at_least(thinned_, longest + kLearnedMask);
  make_at_least(thinned_pairs_, longest);
}

void Stretch::find_kinds(std::span<const float> labels) {
  begin_.resize(samples_);
  kinds_.resize(samples_);
  std::uint32_t begin = 0;
  std::size_t pairs = 0;
  std::size_t more = 0;
  for (std::size_t s = 0; s < samples_; ++s) {
    const std::uint32_t ids = ids_in_[s];
    begin_[s] = begin;
    begin += ids;
    const bool shown = labels[s] <= 0;  // not seen together; an unlabelled sample's is NaN
    kinds_[s] = shown || ids < 2 ? Kind::kNothing : ids == 2 ? Kind::kPair : Kind::kMore;
    pairs += kinds_[s] == Kind::kPair ? 1 : 0;
    more += kinds_[s] == Kind::kMore ? 1 : 0;
  }
  all_nothing_ = pairs + more == 0;
  some_pairs_ = pairs > 0;
  all_more_ = more == samples_;
}

// The samples of a column's accesses.
void Stretch::number_samples(const SlotBatch::Column& column, std::size_t first,
                             std::span<std::uint16_t> sample_of) const {
  const std::uint32_t* const begin = column.begin.data() + first;
  const auto samples = static_cast<std::uint32_t>(samples_);
  const std::uint32_t start = begin[0];
  std::uint32_t others = 0;  // than samples of one id
  for (std::uint32_t s = 0; s <= samples; ++s) others |= (begin[s] - start) ^ s;
  if (others == 0) return std::iota(sample_of.begin(), sample_of.end(), std::uint16_t{0});
  for (std::size_t s = 0; s < samples_; ++s) {
    std::fill(sample_of.begin() + (begin[s] - start), sample_of.begin() + (begin[s + 1] - start),
              static_cast<std::uint16_t>(s));
  }
}

// Into thinned_, with none that are learned behind the column's last.
void Stretch::thin_column(Node first_node, std::span<const Slot> slots,
                          std::span<const std::uint32_t> counts,
                          std::span<const std::uint16_t> sample_of) {
  const std::size_t count = slots.size();
  thin(first_node, slots, counts, kLearned, std::span(thinned_).first(count));
  std::fill_n(thinned_.begin() + static_cast<std::ptrdiff_t>(count), kLearnedMask, kNotLearned);
  if (all_more_) return;
  if (some_pairs_) {
    thin(first_node, slots, counts, kLearnedOfPairs, std::span(thinned_pairs_).first(count));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Kind kind = kinds_[sample_of[i]];
    if (kind == Kind::kPair) thinned_[i] = thinned_pairs_[i];
    if (kind == Kind::kNothing) thinned_[i] = kNotLearned;
  }
}

// Of thinned_ to the parts of its table.
void Stretch::take_learned(const Generations& generations, std::span<const Node> entries,
                           std::span<const std::uint16_t> sample_of, Part* parts) const {
  std::array<Access*, kParts> to;
  for (std::uint32_t p = 0; p < kParts; ++p) to[p] = parts[p].accesses.data() + parts[p].size;
  for (std::size_t begin = 0; begin < entries.size(); begin += kLearnedMask) {
    std::uint64_t some = learned(std::span(thinned_).subspan(begin).first<kLearnedMask>());
    for (; some != 0; some &= some - 1) {
      const std::size_t i = begin + static_cast<std::size_t>(std::countr_zero(some));
      *to[part_of(generations.node_of(entries[i]))]++ = {entries[i], sample_of[i], thinned_[i]};
    }
  }
  for (std::uint32_t p = 0; p < kParts; ++p) {
    const auto size = static_cast<std::size_t>(to[p] - parts[p].accesses.data());
    parts[p].columns += size > parts[p].size ? 1 : 0;
    parts[p].size = size;
  }
}

// Those of several columns, which came one column after another.
void Stretch::order_by_sample(Part& part) {
  const auto accesses = std::span(part.accesses).first(part.size);
  place_.assign(samples_ + 1, 0);
  for (const Access& access : accesses) ++place_[access.sample + 1];
  std::partial_sum(place_.begin(), place_.end(), place_.begin());
  make_at_least(ordered_, part.size);
  for (const Access& access : accesses) ordered_[place_[access.sample]++] = access;
  std::swap(part.accesses, ordered_);
}

// Some samples at a time, so that what is written stays in the cache however many columns there
// are.
void Stretch::find_contexts(const Generations& generations, const CommonNodes& common) {
  end_ = begin_;
  const Node* const entries = entries_.data();
  const std::uint16_t* const sample_of = sample_of_.data();
  std::uint32_t* const ends = end_.data();
  Node* const contexts = contexts_.data();
  const std::size_t some = std::max(kLeastSamples, samples_ * kIdsTogether / (ids_ + 1));
  for (std::size_t first = 0; first < samples_; first += some) {
    const std::size_t last = std::min(samples_, first + some);
    for (const Column& column : columns_) {
      const std::size_t end_of_some = column.at + (column.begin[last] - column.begin[0]);
      for (std::size_t i = column.at + (column.begin[first] - column.begin[0]); i < end_of_some;
           ++i) {
        const Node entry = entries[i];
        const std::uint32_t is_tracked = entry != kNobody ? 1 : 0;
        std::uint32_t& end = ends[sample_of[i]];
        contexts[end] = entry;
        end += is_tracked & ~common.contains(generations.node_of(entry));
      }
    }
  }
}

}  // namespace remapd::embedding

#include "core/embedding/co_access_graph.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <utility>

#include "core/base/hash.h"
#include "core/base/parallel.h"
#include "core/embedding/copy_others.h"

namespace remapd::embedding {
namespace {

constexpr std::size_t kLook = 1'024;           // samples between two updates of the common ids
constexpr double kCommonShare = 0.01;          // of the samples, in contexts offered
constexpr std::uint64_t kCommonMinimum = 200;  // contexts; below it no id is common
constexpr std::uint64_t kCommonStep = 16;      // the bound follows when it has grown by a 16th
constexpr std::size_t kTaskAccesses = 256;     // fewer are not worth a task of their own
constexpr std::size_t kPiece = 4'096;          // nodes a task works on
constexpr std::uint32_t kContexts = 8;         // an access offers at most; of more, a sample

std::uint64_t common_bound(std::uint64_t samples) {
  return std::max(kCommonMinimum,
                  static_cast<std::uint64_t>(kCommonShare * static_cast<double>(samples)));
}

Node nodes_of(std::span<const std::uint32_t> slot_counts) {
  return std::accumulate(slot_counts.begin(), slot_counts.end(), Node{0});
}

std::uint32_t log2_floor(std::uint32_t x) {
  return static_cast<std::uint32_t>(std::bit_width(x)) - 1;
}

// Round a ring of n.
std::uint32_t after(std::uint32_t i, std::uint32_t n) {
  return i + 1 < n ? i + 1 : 0;
}

}  // namespace

CoAccessGraph::CoAccessGraph(const Config& config, std::span<const std::uint32_t> slot_counts,
                             std::uint32_t generations)
    : config_(config),
      generations_(nodes_of(slot_counts), generations),
      common_(nodes_of(slot_counts)),
      common_above_(kCommonMinimum) {
  Node nodes = 0;
  for (const std::uint32_t slots : slot_counts) {
    tables_.push_back({nodes, slots});
    nodes += slots;
  }
  company_ = HugeArray<Company>(nodes);
  signs_ = HugeArray<std::uint64_t>(nodes);
  crossed_.resize(tables_.size() * Stretch::kParts);
}

void CoAccessGraph::admit(TableIndex table, std::span<const Slot> slots, std::span<const Id> ids) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Node node = tables_[table.value].first + slots[i];
    company_[node].offered = 0;
    signs_[node] = hash_id(ids[i], config_.seed);
  }
}

bool CoAccessGraph::evict(std::span<const std::vector<Slot>> slots) {
  for (std::size_t t = 0; t < slots.size(); ++t) {
    for (const Slot slot : slots[t]) {
      const Node node = tables_[t].first + slot;
      generations_.pass(node);
      company_[node].offered = 0;
    }
  }
  const auto is_gone = [this](Node node) { return company_[node].offered == 0; };
  for (auto& crossed : crossed_) std::erase_if(crossed, is_gone);
  common_.erase_if(is_gone);
  if (!generations_.used_up()) return false;
  restart_generations();
  return true;
}

void CoAccessGraph::restart_generations() {
  parallel_ranges(node_count(), kPiece, [&](std::size_t begin, std::size_t end) {
    for (auto node = static_cast<Node>(begin); node < end; ++node) {
      if (!was_id(node)) continue;
      for (Node& n : company_[node].in_use()) n = generations_.named(n);
    }
  });
  generations_.restart();
}

void CoAccessGraph::learn(const SlotBatch& batch, std::size_t first, std::size_t last) {
  const auto prepare_from = [&](std::size_t from, std::uint64_t samples, Stretch& stretch) {
    stretch.prepare(batch, from, std::min(last, from + kLook - samples % kLook), tables_,
                    generations_);
    stretch.find_contexts(generations_, common_);
  };
  if (first < last) prepare_from(first, samples_, now_);
  while (first < last) {
    first += now_.samples();
    const std::uint64_t learned = samples_ + now_.samples();
    learn_stretch([&] {
      if (first < last) prepare_from(first, learned, next_);
    });
    samples_ = learned;
    if (samples_ % kLook == 0 && look_for_common() && first < last) {
      next_.find_contexts(generations_, common_);
    }
    std::swap(now_, next_);
  }
}

// Learns a stretch, in which the set of common ids is fixed. Meanwhile the next one is prepared
// with the same set; look_for_common() tells if that has to be repeated.
template <class PrepareNext>
void CoAccessGraph::learn_stretch(PrepareNext&& prepare_next) {
  tasks_.clear();
  std::size_t waiting = kTaskAccesses;
  for (std::size_t part = 0; part < now_.parts(); ++part) {
    if (waiting >= kTaskAccesses) {
      tasks_.push_back(part);
      waiting = 0;
    }
    waiting += now_.accesses(part).size();
  }
  parallel_pieces(1 + tasks_.size(), [&](std::size_t piece) {
    if (piece == 0) return prepare_next();
    const std::size_t end = piece < tasks_.size() ? tasks_[piece] : now_.parts();
    for (std::size_t part = tasks_[piece - 1]; part < end; ++part) learn_part(part);
  });
}

// Prefetches the cache line with `offered`, which is read. The neighbours are only written, and
// stores do not stall.
void CoAccessGraph::learn_part(std::size_t part) {
  constexpr std::size_t kAhead = 64;  // accesses
  const std::span<const Stretch::Access> accesses = now_.accesses(part);
  const std::size_t first = std::min(kAhead, accesses.size());
  for (std::size_t i = 0; i < first; ++i) {
    __builtin_prefetch(&company_[generations_.node_of(accesses[i].entry)].offered, 1);
  }
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    const Stretch::Access& ahead = accesses[std::min(i + kAhead, accesses.size() - 1)];
    __builtin_prefetch(&company_[generations_.node_of(ahead.entry)].offered, 1);
    learn_access(accesses[i], crossed_[part]);
  }
}

// The other ids of the sample; of many, some, evenly spaced from a start that varies.
[[gnu::always_inline]] inline std::uint32_t CoAccessGraph::choose_contexts(
    const Stretch::Access& access, Node* chosen) const {
  const std::span<const Node> contexts = now_.contexts(access.sample);
  if (contexts.size() <= kContexts + 1) return copy_others(contexts, access.entry, chosen);
  const auto count = static_cast<std::uint32_t>(contexts.size());
  const std::uint64_t step = (std::uint64_t{count} << 16) / kContexts;
  const std::uint32_t start =
      reduce(mix64(samples_ + access.sample + generations_.node_of(access.entry)), count);
  std::array<Node, kContexts + kCopyRoom> some;
  for (std::uint32_t t = 0; t < kContexts; ++t) {
    const std::uint64_t at = start + (t * step >> 16);
    some[t] = contexts[at < count ? at : at - count];
  }
  return copy_others(std::span(some).first(kContexts), access.entry, chosen);
}

// For a reservoir with free places; when it becomes full, the rest continues at the first place.
[[gnu::always_inline]] inline void CoAccessGraph::take_free_places(Company& company,
                                                                   const Node* chosen,
                                                                   std::uint32_t n) {
  std::uint32_t place = company.offered;
  if (place + kContexts + kCopyRoom <= kNeighbours) {
    // Some at a time: what is written behind the last is not in use.
    for (std::uint32_t i = 0; i < n; i += kCopyRoom) {
      std::copy_n(chosen + i, kCopyRoom, company.neighbours.data() + place + i);
    }
    return;
  }
  for (std::uint32_t i = 0; i < n; ++i) {
    company.neighbours[place] = chosen[i];
    place = after(place, kNeighbours);
  }
}

// An access fills free places. In a full reservoir each context replaces an entry with probability
// kNeighbours / offered, on average; those replaced are adjacent, mostly in one cache line.
[[gnu::always_inline]] inline void CoAccessGraph::learn_access(const Stretch::Access& access,
                                                               std::vector<Node>& crossed) {
  Node chosen[kContexts + 1 + kCopyRoom];  // one more where the id is no context itself
  const std::uint32_t n = choose_contexts(access, chosen);
  if (n == 0) return;
  const Node node = generations_.node_of(access.entry);
  Company& company = company_[node];
  const std::uint32_t before = company.offered;
  std::uint64_t stands_for = n;
  if (before < kNeighbours) {
    take_free_places(company, chosen, n);
  } else {
    const std::uint64_t draw = draw_for(node, before);
    std::uint32_t place = reduce(draw, kNeighbours);
    std::uint32_t next = reduce(draw << 32, n);
    // No more than there are places for: where most contexts were common ones, few were offered.
    stands_for <<= std::min<std::uint32_t>(access.stands_for, log2_floor(before / 64 | 1));
    std::uint64_t due = kNeighbours * stands_for + reduce(draw << 16, before);
    for (; due >= before; due -= before) {
      company.neighbours[place] = chosen[next];
      place = after(place, kNeighbours);
      next = after(next, n);
    }
  }
  company.offered = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(before + stands_for, std::numeric_limits<std::uint32_t>::max()));
  if (before <= common_above_ && company.offered > common_above_) [[unlikely]] {
    crossed.push_back(node);
  }
}

// Updates the set of common ids: those offered more than common_above_ contexts. True if it
// changed.
bool CoAccessGraph::look_for_common() {
  std::vector<Node>& became = crossed_.front();  // all of them
  for (std::size_t part = 1; part < crossed_.size(); ++part) {
    became.insert(became.end(), crossed_[part].begin(), crossed_[part].end());
    crossed_[part].clear();
  }
  bool changed = !became.empty();
  if (changed) common_.add(became);
  became.clear();
  const std::uint64_t bound = common_bound(samples_);
  if (bound - common_above_ > common_above_ / kCommonStep) {
    common_above_ = bound;
    common_.erase_if([this](Node node) { return company_[node].offered <= common_above_; });
    changed = true;
  }
  return changed;
}

void CoAccessGraph::find_common() {
  common_above_ = common_bound(samples_);
  std::vector<Node> common;
  for (Node node = 0; node < node_count(); ++node) {
    if (was_id(node) && company_[node].offered > common_above_) common.push_back(node);
  }
  common_.add(common);
}

// Of nodes [first, last), one after another.
void CoAccessGraph::copy_neighbours(Node first, Node last, Node* to) const {
  constexpr Node kAhead = 32;
  for (Node node = first; node < last; ++node) {
    if (last - node > kAhead) __builtin_prefetch(&company_[node + kAhead]);
    if (!was_id(node)) continue;
    const std::span<const Node> neighbours = company_[node].in_use();
    to = generations_.none_passed() ? std::ranges::copy(neighbours, to).out
                                    : std::ranges::transform(neighbours, to, [&](Node n) {
                                        return generations_.named(n);
                                      }).out;
  }
}

CoAccessSnapshot CoAccessGraph::snapshot() const {
  constexpr std::size_t kBlock = CoAccessSnapshot::kBlock;
  CoAccessSnapshot out;
  out.tables = tables_;
  out.capacity = kNeighbours;
  out.signs = HugeArray<std::uint64_t>(node_count());
  out.offered = HugeArray<std::uint32_t>(node_count());
  out.block_begin.resize((node_count() + kBlock - 1) / kBlock + 1);
  parallel_ranges(node_count(), kPiece, [&](std::size_t begin, std::size_t end) {
    // What was never used is not touched there either.
    const auto signs = signs_.span().subspan(begin, end - begin);
    if (std::all_of(signs.begin(), signs.end(), [](std::uint64_t s) { return s == 0; })) return;
    std::copy(signs.begin(), signs.end(), out.signs.data() + begin);
    for (auto node = static_cast<Node>(begin); node < end; ++node) {
      out.offered[node] = company_[node].offered;
      out.block_begin[node / kBlock + 1] += company_[node].known();
    }
  });
  std::partial_sum(out.block_begin.begin(), out.block_begin.end(), out.block_begin.begin());
  out.neighbours = HugeArray<Node>(out.block_begin.back());
  parallel_ranges(node_count(), kPiece, [&](std::size_t begin, std::size_t end) {
    copy_neighbours(static_cast<Node>(begin), static_cast<Node>(end),
                    out.neighbours.data() + out.block_begin[begin / kBlock]);
  });
  return out;
}

std::size_t CoAccessGraph::bytes_per_slot() {
  return sizeof(Company) + sizeof(std::uint64_t) + Generations::bytes_per_node();
}

std::size_t CoAccessGraph::memory_bytes() const {
  return company_.memory_bytes() + signs_.memory_bytes() + generations_.memory_bytes() +
         common_.memory_bytes();
}

}  // namespace remapd::embedding

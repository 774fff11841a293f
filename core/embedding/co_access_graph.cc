#include "core/embedding/co_access_graph.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "core/base/hash.h"
#include "core/base/parallel.h"

namespace remapd::embedding {
namespace {

constexpr std::size_t kLook = 1'024;            // samples between two looks at who is common
constexpr double kCommonShare = 0.01;           // of the samples, in contexts offered
constexpr std::uint64_t kCommonMinimum = 200;   // contexts; below it nobody is common
constexpr std::uint64_t kCommonStep = 16;       // the bound follows when it has grown by a 16th
constexpr std::size_t kTaskAccesses = 512;      // fewer are not worth a task of their own
constexpr std::uint32_t kParts = 2;             // of a table's nodes, learned apart
constexpr std::size_t kPiece = 4'096;           // nodes a task works on
constexpr std::size_t kSavedTogether = 16'384;  // nodes, in the engine state
constexpr std::uint32_t kOldNeighbours = 32;    // in the engine state of format 1

std::uint64_t common_bound(std::uint64_t samples) {
  return std::max(kCommonMinimum,
                  static_cast<std::uint64_t>(kCommonShare * static_cast<double>(samples)));
}

}  // namespace

CoAccessGraph::CoAccessGraph(const Config& config, std::span<const std::uint32_t> slot_counts)
    : config_(config), common_above_(kCommonMinimum) {
  Node nodes = 0;
  for (const std::uint32_t slots : slot_counts) {
    tables_.push_back({nodes, slots});
    nodes += slots;
  }
  neighbours_ = HugeArray<Node>(std::size_t{nodes} * config_.neighbours);
  offered_ = HugeArray<std::uint32_t>(nodes);
  signs_ = HugeArray<std::uint64_t>(nodes);
  common_bits_ = HugeArray<std::uint64_t>((std::size_t{nodes} + 63) / 64);
  crossed_.resize(tables_.size() * kParts);
}

void CoAccessGraph::admit(TableIndex table, std::span<const Slot> slots, std::span<const Id> ids) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Node node = tables_[table.value].first + slots[i];
    offered_[node] = 0;
    signs_[node] = hash_id(ids[i], config_.seed);
  }
}

void CoAccessGraph::evict(std::span<const std::vector<Slot>> slots) {
  std::vector<std::uint64_t> gone(common_bits_.size());  // a bit for each node
  const auto is_gone = [&](Node node) { return (gone[node / 64] >> (node % 64) & 1) != 0; };
  for (std::size_t t = 0; t < slots.size(); ++t) {
    for (const Slot slot : slots[t]) {
      const Node node = tables_[t].first + slot;
      gone[node / 64] |= std::uint64_t{1} << (node % 64);
      offered_[node] = 0;
      set_common(node, false);
    }
  }
  for (auto& crossed : crossed_) std::erase_if(crossed, is_gone);
  std::erase_if(common_, is_gone);
  parallel_ranges(node_count(), kPiece, [&](std::size_t begin, std::size_t end) {
    for (auto node = static_cast<Node>(begin); node < end; ++node) {
      for (Node& n : neighbours(node)) {
        if (n != kNobody && is_gone(n)) n = kNobody;
      }
    }
  });
}

void CoAccessGraph::learn(const SlotBatch& batch, std::size_t first, std::size_t last) {
  const auto gather_from = [&](std::size_t from, std::uint64_t samples, Stretch& stretch) {
    gather(batch, from, std::min(last, from + kLook - samples % kLook), stretch);
  };
  if (first < last) gather_from(first, samples_, now_);
  while (first < last) {
    first += now_.samples;
    const std::uint64_t learned = samples_ + now_.samples;
    learn_stretch([&] {
      if (first < last) gather_from(first, learned, next_);
    });
    samples_ = learned;
    if (samples_ % kLook == 0 && look_for_common() && first < last) {
      gather_from(first, samples_, next_);
    }
    std::swap(now_, next_);
  }
}

// Samples between which nobody becomes common; meanwhile the next ones are gathered, as if nobody
// did after these either.
template <class GatherNext>
void CoAccessGraph::learn_stretch(GatherNext&& gather_next) {
  tasks_.clear();
  std::size_t waiting = kTaskAccesses;
  for (std::size_t part = 0; part < now_.accesses.size(); ++part) {
    if (waiting >= kTaskAccesses) {
      tasks_.push_back(part);
      waiting = 0;
    }
    waiting += now_.accesses[part].size();
  }
  parallel_pieces(1 + tasks_.size(), [&](std::size_t piece) {
    if (piece == 0) return gather_next();
    const std::size_t end = piece < tasks_.size() ? tasks_[piece] : now_.accesses.size();
    for (std::size_t part = tasks_[piece - 1]; part < end; ++part) learn_part(part);
  });
}

// Who is in each sample, column by column, and whose company each part of a table has to note.
void CoAccessGraph::gather(const SlotBatch& batch, std::size_t first, std::size_t last,
                           Stretch& stretch) const {
  stretch.samples = last - first;
  std::size_t most = 0;
  stretch.accesses.resize(tables_.size() * kParts);
  for (auto& accesses : stretch.accesses) accesses.clear();
  for (const SlotBatch::Column& column : batch.columns) {
    const std::size_t ids = column.begin[last] - column.begin[first];
    for (std::uint32_t part = 0; part < kParts; ++part) {
      auto& accesses = stretch.accesses[column.table.value * kParts + part];
      accesses.reserve(std::bit_ceil(accesses.size() + ids));  // seldom anew
    }
    most += ids;
  }
  if (stretch.contexts.size() < most) stretch.contexts.resize(most);
  stretch.begin.resize(stretch.samples + 1);
  Node* const contexts = stretch.contexts.data();
  std::uint32_t used = 0;
  for (std::size_t s = 0; s < stretch.samples; ++s) {
    stretch.begin[s] = used;
    const float label = batch.labels[first + s];
    if (!std::isnan(label) && label <= 0) continue;  // not seen together: shown
    for (const SlotBatch::Column& column : batch.columns) {
      const Node first_node = tables_[column.table.value].first;
      auto* const accesses = &stretch.accesses[column.table.value * kParts];
      for (const Slot slot : column.of(first + s)) {
        if (slot == kNoSlot) continue;
        const Node node = first_node + slot;
        contexts[used] = may_be_common(node) && is_common(node) ? kNobody : node;
        accesses[part_of(node)].push_back({node, used, static_cast<std::uint32_t>(s)});
        ++used;
      }
    }
  }
  stretch.begin[stretch.samples] = used;
}

// A draw that is not kept is written aside, so that nothing has to be guessed.
[[gnu::always_inline]] inline void CoAccessGraph::Reservoir::add(Node context) {
  if (context == kNobody || context == node) return;
  if (offered < std::numeric_limits<std::uint32_t>::max()) ++offered;
  std::uint32_t place = offered - 1;
  if (offered > capacity) place = reduce(draw, offered);
  draw = draw * kNextDraw + 1;
  Node aside;
  *(place < capacity ? places + place : &aside) = context;
}

// Two cursors run ahead of the learning, each fetching the cache lines that the next one needs, so
// that memory and arithmetic are busy at the same time.
void CoAccessGraph::learn_part(std::size_t part) {
  constexpr std::size_t kFar = 48;  // accesses
  constexpr std::size_t kNear = 24;
  const std::span<const Access> accesses(now_.accesses[part]);
  const auto fetch_far = [&](std::size_t i) {
    if (i < accesses.size()) __builtin_prefetch(&offered_[accesses[i].node], 1);
  };
  const auto fetch_near = [&](std::size_t i) {
    if (i >= accesses.size()) return;
    const Node node = accesses[i].node;
    if (offered_[node] < config_.neighbours) __builtin_prefetch(places(node) + offered_[node], 1);
  };
  for (std::size_t i = 0; i < kFar; ++i) fetch_far(i);
  for (std::size_t i = 0; i < kNear; ++i) fetch_near(i);
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    fetch_far(i + kFar);
    fetch_near(i + kNear);
    learn_access(accesses[i], crossed_[part]);
  }
}

[[gnu::always_inline]] inline void CoAccessGraph::learn_access(const Access& access,
                                                               std::vector<Node>& crossed) {
  const std::size_t begin = now_.begin[access.sample];
  const std::size_t end = now_.begin[access.sample + 1];
  const auto others = static_cast<std::uint32_t>(end - begin - 1);
  const Node node = access.node;
  const std::uint32_t before = offered_[node];
  Reservoir reservoir{
      .node = node,
      .offered = before,
      .capacity = config_.neighbours,
      .draw = mix64((std::uint64_t{node} << 32 | before) + config_.seed),
      .places = places(node),
  };
  const Node* const contexts = now_.contexts.data();
  if (others <= config_.contexts) {  // all of them, from the next one round
    for (std::size_t at = access.position + 1; at < end; ++at) reservoir.add(contexts[at]);
    for (std::size_t at = begin; at < access.position; ++at) reservoir.add(contexts[at]);
  } else {  // some of them, evenly spaced from a start that varies
    const std::size_t start =
        reduce(mix64(samples_ + access.sample + access.position - begin), others);
    const std::uint64_t step = (std::uint64_t{others} << 16) / config_.contexts;
    for (std::uint32_t t = 0; t < config_.contexts; ++t) {
      const std::size_t turned = start + (t * step >> 16);
      const std::size_t at = access.position + 1 + (turned < others ? turned : turned - others);
      reservoir.add(contexts[at < end ? at : at - (end - begin)]);
    }
  }
  offered_[node] = reservoir.offered;
  if (before <= common_above_ && reservoir.offered > common_above_) [[unlikely]] {
    crossed.push_back(node);
  }
}

void CoAccessGraph::set_common(Node node, bool common) {
  const std::uint64_t bit = std::uint64_t{1} << (node % 64);
  std::uint64_t& bits = common_bits_[node / 64];
  if (common != ((bits & bit) != 0)) bits ^= bit;
  if (common) common_filter_[filter_bit(node) / 64] |= std::uint64_t{1} << (filter_bit(node) % 64);
}

// Afterwards those are common that were offered more than common_above_ contexts. Whether others
// are now than before.
bool CoAccessGraph::look_for_common() {
  bool changed = false;
  for (auto& crossed : crossed_) {
    for (const Node node : crossed) {
      set_common(node, true);
      common_.push_back(node);
    }
    changed |= !crossed.empty();
    crossed.clear();
  }
  const std::uint64_t bound = common_bound(samples_);
  if (bound - common_above_ > common_above_ / kCommonStep) {
    common_above_ = bound;
    std::erase_if(common_, [this](Node node) {
      const bool no_longer = offered_[node] <= common_above_;
      if (no_longer) set_common(node, false);
      return no_longer;
    });
    common_filter_.fill(0);
    for (const Node node : common_) set_common(node, true);
    changed = true;
  }
  if (changed) std::sort(common_.begin(), common_.end());
  return changed;
}

// Of nodes [first, last), one after another.
void CoAccessGraph::copy_neighbours(Node first, Node last, Node* to) const {
  constexpr Node kAhead = 32;
  for (Node node = first; node < last; ++node) {
    if (last - node > kAhead) __builtin_prefetch(places(node + kAhead));
    const Node* from = places(node);
    for (std::uint32_t left = known(node); left > 0; --left) *to++ = *from++;
  }
}

CoAccessSnapshot CoAccessGraph::snapshot() const {
  constexpr std::size_t kBlock = CoAccessSnapshot::kBlock;
  CoAccessSnapshot out;
  out.tables = tables_;
  out.capacity = config_.neighbours;
  out.signs = HugeArray<std::uint64_t>(node_count());
  out.offered = HugeArray<std::uint32_t>(node_count());
  out.block_begin.resize((node_count() + kBlock - 1) / kBlock + 1);
  parallel_ranges(node_count(), kPiece, [&](std::size_t begin, std::size_t end) {
    // What was never used is not touched there either.
    const auto signs = signs_.span().subspan(begin, end - begin);
    if (std::all_of(signs.begin(), signs.end(), [](std::uint64_t s) { return s == 0; })) return;
    std::copy(signs.begin(), signs.end(), out.signs.data() + begin);
    std::copy_n(offered_.data() + begin, end - begin, out.offered.data() + begin);
    for (auto node = static_cast<Node>(begin); node < end; ++node) {
      out.block_begin[node / kBlock + 1] += known(node);
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

std::size_t CoAccessGraph::bytes_per_slot(const Config& config) {
  return config.neighbours * sizeof(Node) + sizeof(std::uint32_t) + sizeof(std::uint64_t);
}

std::size_t CoAccessGraph::memory_bytes() const {
  return neighbours_.memory_bytes() + offered_.memory_bytes() + signs_.memory_bytes() +
         common_bits_.memory_bytes();
}

void CoAccessGraph::save(StateWriter& out) const {
  out.small().put(samples_);
  out.add_sparse(signs_.span());
  out.add_sparse(offered_.span());
  for (std::size_t begin = 0; begin < node_count(); begin += kSavedTogether) {
    const auto first = static_cast<Node>(begin);
    const auto last =
        static_cast<Node>(std::min<std::size_t>(begin + kSavedTogether, node_count()));
    out.add([this, first, last](ByteWriter& bytes) {
      std::uint64_t count = 0;
      for (Node node = first; node < last; ++node) count += known(node);
      bytes.put(count);
      bytes.bytes().resize(sizeof(count) + count * sizeof(Node));
      copy_neighbours(first, last, reinterpret_cast<Node*>(bytes.bytes().data() + sizeof(count)));
    });
  }
  std::vector<Node> crossed;
  for (const auto& some : crossed_) crossed.insert(crossed.end(), some.begin(), some.end());
  std::sort(crossed.begin(), crossed.end());
  out.small().put(common_above_);
  out.small().put_vector(common_);
  out.small().put_vector(crossed);
}

Result<void> CoAccessGraph::load(ByteReader& in, std::uint32_t format) {
  samples_ = in.get<std::uint64_t>();
  if (format >= 4) {
    in.get_sparse_ranges(signs_.span());
    in.get_sparse_ranges(offered_.span());
    load_neighbours(in);
  } else {
    load_old(in, format);
  }
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "co-access graph: wrong size");
  for (Node node = 0; node < node_count(); ++node) {
    for (const Node n : neighbours(node)) {
      if (n != kNobody && n >= node_count()) {
        return fail(ErrorCode::kCorrupt, "co-access graph: a neighbour is out of range");
      }
    }
  }
  if (format >= 3) return load_common(in);
  find_common();
  return {};
}

// One block of nodes fails by itself if its count is not that of its nodes.
void CoAccessGraph::load_neighbours(ByteReader& in) {
  for (std::size_t begin = 0; begin < node_count() && in.ok(); begin += kSavedTogether) {
    const std::size_t end = std::min<std::size_t>(begin + kSavedTogether, node_count());
    std::uint64_t left = in.get<std::uint64_t>();
    for (auto node = static_cast<Node>(begin); node < end; ++node) {
      const std::span<Node> company = neighbours(node);
      if (company.size() > left) return in.fail();
      in.get_array(company);
      left -= company.size();
    }
    if (left != 0) return in.fail();
  }
}

// Formats 1 to 3 wrote all places of a node, those not in use too.
void CoAccessGraph::load_old(ByteReader& in, std::uint32_t format) {
  if (format == 1) {
    std::vector<Node> old(std::size_t{node_count()} * kOldNeighbours);
    in.get_dense(std::span(old));
    std::fill(neighbours_.span().begin(), neighbours_.span().end(), kNobody);
    const std::size_t kept = std::min(kOldNeighbours, config_.neighbours);
    for (Node node = 0; node < node_count(); ++node) {
      std::copy_n(old.data() + std::size_t{node} * kOldNeighbours, kept, places(node));
    }
    in.get_dense(offered_.span());
    in.get_dense(signs_.span());
  } else {
    in.get_sparse(neighbours_.span());
    in.get_sparse(offered_.span());
    in.get_sparse(signs_.span());
  }
}

void CoAccessGraph::find_common() {
  common_above_ = common_bound(samples_);
  for (Node node = 0; node < node_count(); ++node) {
    if (offered_[node] <= common_above_) continue;
    set_common(node, true);
    common_.push_back(node);
  }
}

Result<void> CoAccessGraph::load_common(ByteReader& in) {
  common_above_ = in.get<std::uint64_t>();
  common_ = in.get_vector<Node>();
  const auto crossed = in.get_vector<Node>();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "co-access graph: cut short");
  const auto sound = [this](const std::vector<Node>& nodes) {
    return std::adjacent_find(nodes.begin(), nodes.end(), std::greater_equal<>()) == nodes.end() &&
           std::all_of(nodes.begin(), nodes.end(), [this](Node node) {
             return node < node_count() && offered_[node] > common_above_;
           });
  };
  if (!sound(common_) || !sound(crossed)) {
    return fail(ErrorCode::kCorrupt, "co-access graph: its common ids are not");
  }
  for (const Node node : common_) set_common(node, true);
  std::size_t table = 0;
  for (const Node node : crossed) {
    while (node >= tables_[table].first + tables_[table].count) ++table;
    crossed_[table * kParts + part_of(node)].push_back(node);
  }
  return {};
}

}  // namespace remapd::embedding

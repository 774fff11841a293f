#include "core/embedding/spectral_embedding.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "core/base/hash.h"
#include "core/base/parallel.h"
#include "core/embedding/context_moments.h"

namespace remapd::embedding {
namespace {

constexpr std::size_t kPiece = 4'096;       // nodes a task works on
constexpr std::size_t kMaxParts = 64;       // of the sums over a table
constexpr std::size_t kWhitenBy = 131'072;  // rows are enough to know their second moments
// Of the popularity coordinate, for each doubling; unrelated directions are sqrt(2) apart.
constexpr float kPopularityScale = 0.25F;

}  // namespace

SpectralEmbedding::SpectralEmbedding(const Config& config, CoAccessSnapshot graph)
    : config_(config), graph_(std::move(graph)) {}

std::vector<float> SpectralEmbedding::embed(TableIndex table, std::span<const Slot> slots) const {
  // Isolated: a thread that waits here for its tasks must not take up one that waits for this.
  std::call_once(computed_, [this] { run_isolated([this] { compute(); }); });
  const std::size_t d = config_.dimension;
  std::vector<float> out(slots.size() * dimension());
  parallel_ranges(slots.size(), kPiece, [&](std::size_t begin, std::size_t end) {
    constexpr std::size_t kAhead = 16;
    const auto node_of = [&](std::size_t i) { return graph_.tables[table.value].first + slots[i]; };
    for (std::size_t i = begin; i < end; ++i) {
      if (i + kAhead < end) {
        const Node later = node_of(i + kAhead);
        __builtin_prefetch(vectors_.data() + std::size_t{later} * d);
        __builtin_prefetch(&graph_.offered[later]);
      }
      const Node node = node_of(i);
      const float* e = vectors_.data() + std::size_t{node} * d;
      float* to = out.data() + i * dimension();
      float norm = 0;
      for (std::size_t k = 0; k < d; ++k) norm += e[k] * e[k];
      const float scale = norm > 0 ? 1.0F / std::sqrt(norm) : 0.0F;
      for (std::size_t k = 0; k < d; ++k) to[k] = scale * e[k];
      to[d] = kPopularityScale * std::log2(1.0F + static_cast<float>(graph_.offered[node]));
    }
  });
  return out;
}

std::size_t SpectralEmbedding::memory_bytes(const Config& config, std::uint32_t neighbours,
                                            std::size_t nodes, std::size_t slots) {
  const std::size_t known = sizeof(std::uint64_t) + sizeof(std::uint32_t);
  const std::size_t vector = config.dimension * sizeof(float);
  const std::size_t computed = nodes * neighbours * sizeof(Node) + slots * vector;
  const std::size_t embedded = slots * (vector + sizeof(float));  // the neighbours are gone then
  return nodes * (known + vector) + std::max(computed, embedded);
}

void SpectralEmbedding::start(Node node) const {
  float* e = vectors_.data() + std::size_t{node} * config_.dimension;
  for (std::uint32_t k = 0; k < config_.dimension; ++k) {
    e[k] = (graph_.signs[node] >> k & 1) != 0 ? 1.0F : -1.0F;
  }
}

// What a node with company is to its neighbours.
void SpectralEmbedding::scale(Node node, float* e) const {
  const float by = 1.0F / std::sqrt(static_cast<float>(graph_.offered[node]));
  for (std::uint32_t k = 0; k < config_.dimension; ++k) e[k] *= by;
}

void SpectralEmbedding::compute() const {
  const std::size_t d = config_.dimension;
  vectors_ = HugeArray<float>(graph_.signs.size() * d);
  parallel_ranges(node_count(), kPiece, [&](std::size_t begin, std::size_t end) {
    for (auto node = static_cast<Node>(begin); node < end; ++node) {
      if (graph_.signs[node] == 0) continue;
      start(node);
      if (has_company(node)) scale(node, vectors_.data() + std::size_t{node} * d);
    }
  });
  std::uint32_t most = 0;
  for (const NodeRange& table : graph_.tables) most = std::max(most, table.count);
  HugeArray<float> next(most * d);
  for (std::uint32_t round = 0; round < config_.rounds; ++round) {
    for (const NodeRange& table : graph_.tables) {
      const std::span<float> part(next.data(), table.count * d);
      propagate(table, part);
      const Whitening whitening = whitening_of(table, part);
      // Tables follow one another, the later ones from the earlier ones' new values.
      parallel_ranges(table.count, kPiece, [&](std::size_t begin, std::size_t end) {
        for_runs(table, begin, end, [&](std::size_t first, std::size_t count) {
          whitening.apply(part.data() + first * d, count);
          for (std::size_t i = first; i < first + count; ++i) {
            const Node node = table.first + static_cast<Node>(i);
            float* e = vectors_.data() + std::size_t{node} * d;
            std::copy_n(part.data() + i * d, d, e);
            scale(node, e);
          }
        });
      });
    }
  }
  graph_.neighbours = {};  // nothing more is asked of them
}

// fn(first, count) for every run of nodes of the table, in [begin, end) of it, that have company.
template <class Fn>
void SpectralEmbedding::for_runs(const NodeRange& table, std::size_t begin, std::size_t end,
                                 Fn&& fn) const {
  while (begin < end) {
    while (begin < end && !has_company(table.first + static_cast<Node>(begin))) ++begin;
    std::size_t next = begin;
    while (next < end && has_company(table.first + static_cast<Node>(next))) ++next;
    if (next > begin) fn(begin, next - begin);
    begin = next;
  }
}

void SpectralEmbedding::propagate(const NodeRange& table, std::span<float> out) const {
  const std::size_t d = config_.dimension;
  parallel_ranges(table.count, kPiece, [&](std::size_t begin, std::size_t end) {
    const Node* neighbours =
        graph_.neighbours.data() + graph_.neighbours_at(table.first + static_cast<Node>(begin));
    for (std::size_t i = begin; i < end; ++i) {
      const Node node = table.first + static_cast<Node>(i);
      if (!has_company(node)) continue;
      const std::span<const Node> company(neighbours, graph_.known(node));
      neighbours += company.size();
      for (const Node n : company) {
        if (n == kNobody) continue;
        const float* y = vectors_.data() + std::size_t{n} * d;
        for (std::size_t k = 0; k < d; k += 16) __builtin_prefetch(y + k);
      }
      float* x = out.data() + i * d;
      std::fill_n(x, d, 0.0F);
      std::uint32_t found = 0;
      for (const Node n : company) {
        if (n == kNobody) continue;
        ++found;
        const float* y = vectors_.data() + std::size_t{n} * d;
        for (std::size_t k = 0; k < d; ++k) x[k] += y[k];
      }
      if (found == 0) continue;
      const float all =
          std::sqrt(static_cast<float>(graph_.offered[node])) / static_cast<float>(found);
      for (std::size_t k = 0; k < d; ++k) x[k] *= all;
    }
  });
}

// By the moments of all rows that have company, or of kWhitenBy of them, more or less.
Whitening SpectralEmbedding::whitening_of(const NodeRange& table,
                                          std::span<const float> values) const {
  const std::size_t d = config_.dimension;
  // Sums of fixed parts, added up in their order: the same for any number of threads.
  const std::size_t parts = std::clamp<std::size_t>(table.count / kPiece, 1, kMaxParts);
  const auto begin_of = [&](std::size_t part) { return part * table.count / parts; };
  std::vector<std::size_t> known(parts);
  parallel_pieces(parts, [&](std::size_t part) {
    for_runs(table, begin_of(part), begin_of(part + 1),
             [&](std::size_t, std::size_t count) { known[part] += count; });
  });
  const std::size_t all = std::accumulate(known.begin(), known.end(), std::size_t{0});
  const auto every = static_cast<std::uint32_t>(all / kWhitenBy + 1);
  std::vector<std::vector<double>> moments(parts);
  parallel_pieces(parts, [&](std::size_t part) {
    moments[part].assign((d + 1) * moment_stride(d), 0.0);
    for_runs(table, begin_of(part), begin_of(part + 1), [&](std::size_t first, std::size_t count) {
      if (every == 1) {
        add_context_moments(values.data() + first * d, count, d, moments[part].data());
        return;
      }
      for (std::size_t i = first; i < first + count; ++i) {
        if (reduce(mix64(table.first + i), every) != 0) continue;
        add_context_moments(values.data() + i * d, 1, d, moments[part].data());
      }
    });
  });
  for (std::size_t part = 1; part < parts; ++part) {
    std::transform(moments[0].begin(), moments[0].end(), moments[part].begin(), moments[0].begin(),
                   std::plus<>());
  }
  return Whitening(moments[0], d);
}

}  // namespace remapd::embedding

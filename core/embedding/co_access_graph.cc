#include "core/embedding/co_access_graph.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Dense>

#include "core/base/parallel.h"

namespace remapd::embedding {
namespace {

constexpr double kStopShare = 0.01;           // of the samples: beyond it a context says nothing
constexpr std::size_t kPiece = 4'096;         // nodes a task works on
constexpr std::uint32_t kOldNeighbours = 32;  // in the dense state of version 1
constexpr std::uint32_t kStopMinimum = 200;   // accesses; below it every context counts
// Of the popularity coordinate, for each doubling; unrelated directions are sqrt(2) apart.
constexpr float kPopularityScale = 0.25F;

}  // namespace

CoAccessGraph::CoAccessGraph(const Config& config, std::span<const std::uint32_t> slot_counts)
    : config_(config) {
  Node nodes = 0;
  for (const std::uint32_t slots : slot_counts) {
    tables_.push_back({nodes, slots});
    nodes += slots;
  }
  neighbours_ = HugeArray<Node>(std::size_t{nodes} * config_.neighbours);
  degree_ = HugeArray<std::uint32_t>(nodes);
  signs_ = HugeArray<std::uint64_t>(nodes);
  embedding_ = HugeArray<float>(std::size_t{nodes} * config_.dimension);
}

void CoAccessGraph::admit(TableIndex table, std::span<const Slot> slots, std::span<const Id> ids) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Node node = tables_[table.value].first + slots[i];
    degree_[node] = 0;
    signs_[node] = hash_id(ids[i], config_.seed);
    start(node);
  }
}

void CoAccessGraph::start(Node node) {
  float* e = embedding_.data() + std::size_t{node} * config_.dimension;
  for (std::uint32_t k = 0; k < config_.dimension; ++k) {
    e[k] = (signs_[node] >> k & 1) != 0 ? 1.0F : -1.0F;
  }
}

void CoAccessGraph::evict(TableIndex table, std::span<const Slot> slots) {
  mark_gone(table, slots);
  forget_gone();
}

void CoAccessGraph::evict(std::span<const std::vector<Slot>> slots) {
  for (std::uint32_t t = 0; t < slots.size(); ++t) mark_gone(TableIndex{t}, slots[t]);
  forget_gone();
}

void CoAccessGraph::mark_gone(TableIndex table, std::span<const Slot> slots) {
  gone_.resize((degree_.size() + 63) / 64);
  for (const Slot slot : slots) {
    const Node node = tables_[table.value].first + slot;
    gone_[node / 64] |= std::uint64_t{1} << (node % 64);
    degree_[node] = 0;
  }
}

void CoAccessGraph::forget_gone() {
  constexpr std::size_t kPiece = 65'536;  // nodes
  parallel_ranges(degree_.size(), kPiece, [this](std::size_t begin, std::size_t end) {
    for (std::size_t node = begin; node < end; ++node) {
      Node* mine = neighbours_.data() + node * config_.neighbours;
      for (std::uint32_t m = known(static_cast<Node>(node)); m > 0; --m) {
        Node& n = mine[m - 1];
        if (n != kNobody && (gone_[n / 64] >> (n % 64) & 1) != 0) n = kNobody;
      }
    }
  });
  std::fill(gone_.begin(), gone_.end(), 0);
}

// Reservoir sampling. A draw that is not kept is written aside, so that nothing has to be guessed.
[[gnu::always_inline]] inline void CoAccessGraph::Company::add(Node context) {
  if (seen < std::numeric_limits<std::uint32_t>::max()) ++seen;
  std::uint32_t place = seen - 1;
  if (seen > capacity) place = reduce(mix64((std::uint64_t{node} << 32 | seen) + seed), seen);
  Node aside;
  *(place < capacity ? places + place : &aside) = context;
}

[[gnu::always_inline]] inline CoAccessGraph::Company CoAccessGraph::company_of(Node node) {
  return {.node = node,
          .seen = degree_[node],
          .capacity = config_.neighbours,
          .seed = config_.seed,
          .places = neighbours_.data() + std::size_t{node} * config_.neighbours};
}

// Who is in each sample, column by column.
void CoAccessGraph::gather(const SlotBatch& batch, std::size_t first, std::size_t last) {
  nodes_.clear();
  begin_.clear();
  for (std::size_t s = first; s < last; ++s) {
    begin_.push_back(static_cast<std::uint32_t>(nodes_.size()));
    if (!std::isnan(batch.labels[s]) && batch.labels[s] <= 0) continue;  // not seen together: shown
    for (const SlotBatch::Column& column : batch.columns) {
      const Node first_node = tables_[column.table.value].first;
      for (const Slot slot : column.of(s)) {
        if (slot != kNoSlot) nodes_.push_back(first_node + slot);
      }
    }
  }
  begin_.push_back(static_cast<std::uint32_t>(nodes_.size()));
}

// Two cursors run ahead of the learning, each fetching the cache lines that the next one needs, so
// that memory and arithmetic are busy at the same time.
void CoAccessGraph::learn(const SlotBatch& batch, std::size_t first, std::size_t last) {
  constexpr std::size_t kNear = 48;  // nodes
  constexpr std::size_t kFar = 96;
  gather(batch, first, last);
  std::size_t near = 0;
  std::size_t far = 0;
  for (std::size_t s = 0; s + 1 < begin_.size(); ++s, ++samples_) {
    const std::size_t end = begin_[s + 1];
    for (; far < std::min(nodes_.size(), end + kFar); ++far) {
      __builtin_prefetch(&degree_[nodes_[far]], 1);
    }
    for (; near < std::min(nodes_.size(), end + kNear); ++near) {
      const std::uint32_t next = degree_[nodes_[near]];
      if (next < config_.neighbours) {
        __builtin_prefetch(&neighbours_[std::size_t{nodes_[near]} * config_.neighbours + next], 1);
      }
    }
    learn_sample(std::span<const Node>(nodes_).subspan(begin_[s], end - begin_[s]));
  }
}

void CoAccessGraph::learn_sample(std::span<const Node> nodes) {
  if (nodes.size() < 2) return;
  const auto stop = std::max<std::uint64_t>(
      kStopMinimum, static_cast<std::uint64_t>(kStopShare * static_cast<double>(samples_)));
  const std::size_t others = nodes.size() - 1;
  if (others <= config_.contexts) {  // all of them, from the next one round
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      Company company = company_of(nodes[i]);
      for (std::size_t t = 0, at = i; t < others; ++t) {
        at = at + 1 < nodes.size() ? at + 1 : 0;
        if (nodes[at] != nodes[i] && degree_[nodes[at]] <= stop) company.add(nodes[at]);
      }
      degree_[nodes[i]] = company.seen;
    }
    return;
  }
  // With many contexts: some of them, evenly spaced from a start that varies by sample.
  offsets_.resize(config_.contexts);
  for (std::size_t t = 0; t < offsets_.size(); ++t) offsets_[t] = t * others / offsets_.size();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    Company company = company_of(nodes[i]);
    const std::size_t start = mix64(samples_ + i) % others;
    for (const std::size_t offset : offsets_) {
      std::size_t at = start + offset;
      at = i + 1 + (at < others ? at : at - others);
      const Node context = nodes[at < nodes.size() ? at : at - nodes.size()];
      if (context != nodes[i] && degree_[context] <= stop) company.add(context);
    }
    degree_[nodes[i]] = company.seen;
  }
}

void CoAccessGraph::propagate(const TableSpan& table, std::span<float> out) const {
  const std::size_t d = config_.dimension;
  parallel_ranges(table.count, kPiece, [&](std::size_t begin, std::size_t end) {
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(begin * d),
              out.begin() + static_cast<std::ptrdiff_t>(end * d), 0.0F);
    for (std::size_t i = begin; i < end; ++i) {
      const Node node = table.first + static_cast<Node>(i);
      const Node* mine = neighbours_.data() + std::size_t{node} * config_.neighbours;
      const std::uint32_t count = known(node);
      for (std::uint32_t m = 0; m < count; ++m) {
        if (mine[m] == kNobody) continue;
        __builtin_prefetch(&degree_[mine[m]]);
        const float* y = embedding_.data() + std::size_t{mine[m]} * d;
        for (std::size_t k = 0; k < d; k += 16) __builtin_prefetch(y + k);
      }
      float* x = out.data() + i * d;
      std::uint32_t found = 0;
      for (std::uint32_t m = 0; m < count; ++m) {
        const Node n = mine[m];
        if (n == kNobody) continue;
        ++found;
        const float scale = 1.0F / std::sqrt(static_cast<float>(std::max(degree_[n], 1U)));
        const float* y = embedding_.data() + std::size_t{n} * d;
        for (std::size_t k = 0; k < d; ++k) x[k] += scale * y[k];
      }
      if (found == 0) continue;
      const float scale = std::sqrt(static_cast<float>(degree_[node])) / static_cast<float>(found);
      for (std::size_t k = 0; k < d; ++k) x[k] *= scale;
    }
  });
}

void CoAccessGraph::whiten(const TableSpan& table, std::span<float> values) const {
  const auto d = static_cast<Eigen::Index>(config_.dimension);
  using Rows = Eigen::Map<Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
  // Sums of fixed stretches, added up in their order: the same for any number of threads.
  struct Part {
    Eigen::MatrixXd covariance;
    Eigen::Index known = 0;
  };
  std::vector<Part> parts((table.count + kPiece - 1) / kPiece);
  parallel_pieces(parts.size(), [&](std::size_t piece) {
    Part& part = parts[piece];
    part.covariance = Eigen::MatrixXd::Zero(d, d);
    const std::size_t end = std::min<std::size_t>(table.count, (piece + 1) * kPiece);
    for (std::size_t i = piece * kPiece; i < end; ++i) {
      if (degree_[table.first + static_cast<Node>(i)] == 0) continue;
      const Eigen::VectorXd row =
          Eigen::Map<const Eigen::VectorXf>(values.data() + i * config_.dimension, d)
              .cast<double>();
      part.covariance.selfadjointView<Eigen::Lower>().rankUpdate(row);
      ++part.known;
    }
  });
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(d, d);
  Eigen::Index known = 0;
  for (const Part& part : parts) {
    covariance += part.covariance;
    known += part.known;
  }
  if (known == 0) return;
  covariance /= static_cast<double>(known);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);
  const double floor = 1e-6 * std::max(solver.eigenvalues().maxCoeff(), 1e-30);
  const Eigen::VectorXd scale = solver.eigenvalues().cwiseMax(floor).cwiseSqrt().cwiseInverse();
  // Symmetric (ZCA) whitening: the least rotation away from the warm start.
  const Eigen::MatrixXf transform =
      (solver.eigenvectors() * scale.asDiagonal() * solver.eigenvectors().transpose())
          .cast<float>();
  parallel_ranges(table.count, kPiece, [&](std::size_t begin, std::size_t end) {
    Rows x(values.data() + begin * config_.dimension, static_cast<Eigen::Index>(end - begin), d);
    x = x * transform;
  });
}

void CoAccessGraph::refresh() {
  const std::size_t d = config_.dimension;
  parallel_ranges(degree_.size(), kPiece, [this](std::size_t begin, std::size_t end) {
    for (std::size_t node = begin; node < end; ++node) {
      if (degree_[node] != 0) start(static_cast<Node>(node));
    }
  });
  std::uint32_t most = 0;
  for (const TableSpan& table : tables_) most = std::max(most, table.count);
  HugeArray<float> next(most * d);
  for (std::uint32_t round = 0; round < config_.rounds; ++round) {
    for (const TableSpan& table : tables_) {
      const std::span<float> part(next.data(), table.count * d);
      propagate(table, part);
      whiten(table, part);
      // Tables are refreshed one after another, the later ones from the earlier ones' new values.
      parallel_ranges(table.count, kPiece, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
          if (degree_[table.first + i] == 0) continue;
          std::copy_n(part.data() + i * d, d, embedding_.data() + (table.first + i) * d);
        }
      });
    }
  }
}

std::vector<float> CoAccessGraph::embed(TableIndex table, std::span<const Slot> slots) const {
  const std::size_t d = config_.dimension;
  std::vector<float> out(slots.size() * dimension());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Node node = tables_[table.value].first + slots[i];
    const float* e = embedding_.data() + std::size_t{node} * d;
    float* to = out.data() + i * dimension();
    float norm = 0;
    for (std::size_t k = 0; k < d; ++k) norm += e[k] * e[k];
    const float scale = norm > 0 ? 1.0F / std::sqrt(norm) : 0.0F;
    for (std::size_t k = 0; k < d; ++k) to[k] = scale * e[k];
    to[d] = kPopularityScale * std::log2(1.0F + static_cast<float>(degree_[node]));
  }
  return out;
}

std::size_t CoAccessGraph::bytes_per_slot(const Config& config) {
  return config.neighbours * sizeof(Node) + sizeof(std::uint32_t) + sizeof(std::uint64_t) +
         config.dimension * sizeof(float);
}

std::size_t CoAccessGraph::memory_bytes() const {
  return neighbours_.memory_bytes() + degree_.memory_bytes() + signs_.memory_bytes() +
         embedding_.memory_bytes();
}

void CoAccessGraph::save(ByteWriter& out) const {
  out.put(samples_);
  out.put_sparse(neighbours_.span());
  out.put_sparse(degree_.span());
  out.put_sparse(signs_.span());
}

Result<void> CoAccessGraph::load(ByteReader& in, bool dense) {
  samples_ = in.get<std::uint64_t>();
  const auto read = [&](auto values) { dense ? in.get_dense(values) : in.get_sparse(values); };
  if (dense) {
    std::vector<Node> old(degree_.size() * kOldNeighbours);
    in.get_dense(std::span(old));
    std::fill(neighbours_.span().begin(), neighbours_.span().end(), kNobody);
    const std::size_t kept = std::min(kOldNeighbours, config_.neighbours);
    for (std::size_t node = 0; node < degree_.size(); ++node) {
      std::copy_n(old.data() + node * kOldNeighbours, kept,
                  neighbours_.data() + node * config_.neighbours);
    }
  } else {
    read(neighbours_.span());
  }
  read(degree_.span());
  read(signs_.span());
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "co-access graph: wrong size");
  for (Node node = 0; node < degree_.size(); ++node) {
    const Node* mine = neighbours_.data() + std::size_t{node} * config_.neighbours;
    for (std::uint32_t m = 0; m < known(node); ++m) {
      if (mine[m] != kNobody && mine[m] >= degree_.size()) {
        return fail(ErrorCode::kCorrupt, "co-access graph: a neighbour is out of range");
      }
    }
    if (signs_[node] != 0) start(node);
  }
  return {};
}

}  // namespace remapd::embedding

#include "core/embedding/co_access_graph.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Dense>

namespace remapd::embedding {
namespace {

constexpr double kStopShare = 0.01;          // of the samples: beyond it a context says nothing
constexpr std::uint32_t kStopMinimum = 200;  // accesses; below it every context counts
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
  neighbours_.assign(std::size_t{nodes} * config_.neighbours, kNobody);
  degree_.assign(nodes, 0);
  signs_.assign(nodes, 0);
  embedding_.assign(std::size_t{nodes} * config_.dimension, 0.0F);
}

void CoAccessGraph::admit(TableIndex table, std::span<const Slot> slots, std::span<const Id> ids) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Node node = tables_[table.value].first + slots[i];
    std::fill_n(
        neighbours_.begin() + static_cast<std::ptrdiff_t>(std::size_t{node} * config_.neighbours),
        config_.neighbours, kNobody);
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
  std::vector<bool> gone(degree_.size(), false);
  for (const Slot slot : slots) gone[tables_[table.value].first + slot] = true;
  for (Node& n : neighbours_) {
    if (n != kNobody && gone[n]) n = kNobody;
  }
  for (const Slot slot : slots) degree_[tables_[table.value].first + slot] = 0;
}

void CoAccessGraph::offer(Node to, Node context) {
  std::uint32_t& seen = degree_[to];
  if (seen < std::numeric_limits<std::uint32_t>::max()) ++seen;
  std::uint64_t place = seen - 1;
  if (seen > config_.neighbours) {
    const std::uint64_t draw = mix64((std::uint64_t{to} << 32 | seen) + config_.seed);
    place = reduce(draw, seen);
    if (place >= config_.neighbours) return;
  }
  neighbours_[std::size_t{to} * config_.neighbours + place] = context;
}

void CoAccessGraph::learn(const SlotBatch& batch) {
  for (std::size_t s = 0; s < batch.samples; ++s, ++samples_) {
    if (!std::isnan(batch.labels[s]) && batch.labels[s] <= 0) continue;  // not seen together: shown
    scratch_.clear();
    for (const SlotBatch::Column& column : batch.columns) {
      for (const Slot slot : column.of(s)) {
        if (slot != kNoSlot) scratch_.push_back(tables_[column.table.value].first + slot);
      }
    }
    const auto stop = std::max<std::uint64_t>(
        kStopMinimum, static_cast<std::uint64_t>(kStopShare * static_cast<double>(samples_)));
    const std::size_t others = scratch_.size() - std::min<std::size_t>(scratch_.size(), 1);
    for (std::size_t i = 0; i < scratch_.size(); ++i) {
      const std::size_t take = std::min<std::size_t>(others, config_.contexts);
      // With many contexts: `take` of them, evenly spaced from a start that varies by sample.
      const std::size_t start = others > take ? mix64(samples_ + i) % others : 0;
      for (std::size_t t = 0; t < take; ++t) {
        const std::size_t offset = 1 + (start + t * others / take) % others;
        const Node context = scratch_[(i + offset) % scratch_.size()];
        if (context != scratch_[i] && degree_[context] <= stop) offer(scratch_[i], context);
      }
    }
  }
}

void CoAccessGraph::propagate(const TableSpan& table, std::span<float> out) const {
  const std::size_t d = config_.dimension;
  std::fill(out.begin(), out.end(), 0.0F);
  for (Node i = 0; i < table.count; ++i) {
    const Node node = table.first + i;
    float* x = out.data() + std::size_t{i} * d;
    std::uint32_t found = 0;
    for (std::uint32_t m = 0; m < config_.neighbours; ++m) {
      const Node n = neighbours_[std::size_t{node} * config_.neighbours + m];
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
}

void CoAccessGraph::whiten(const TableSpan& table, std::span<float> values) const {
  const auto d = static_cast<Eigen::Index>(config_.dimension);
  using Rows = Eigen::Map<Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
  Rows x(values.data(), static_cast<Eigen::Index>(table.count), d);
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(d, d);
  Eigen::Index known = 0;
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    if (degree_[table.first + static_cast<Node>(i)] == 0) continue;
    const Eigen::VectorXd row = x.row(i).transpose().cast<double>();
    covariance.selfadjointView<Eigen::Lower>().rankUpdate(row);
    ++known;
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
  x = x * transform;
}

void CoAccessGraph::refresh() {
  const std::size_t d = config_.dimension;
  for (Node node = 0; node < degree_.size(); ++node) start(node);
  std::vector<float> next(embedding_.size());
  for (std::uint32_t round = 0; round < config_.rounds; ++round) {
    for (const TableSpan& table : tables_) {
      const std::span<float> part(next.data() + std::size_t{table.first} * d, table.count * d);
      propagate(table, part);
      whiten(table, part);
      // Tables are refreshed one after another, the later ones from the earlier ones' new values.
      for (Node i = 0; i < table.count; ++i) {
        if (degree_[table.first + i] == 0) continue;
        std::copy_n(part.data() + std::size_t{i} * d, d,
                    embedding_.data() + std::size_t{table.first + i} * d);
      }
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
  return neighbours_.size() * sizeof(Node) + degree_.size() * sizeof(std::uint32_t) +
         signs_.size() * sizeof(std::uint64_t) + embedding_.size() * sizeof(float);
}

void CoAccessGraph::save(ByteWriter& out) const {
  out.put(samples_);
  out.put_vector(neighbours_);
  out.put_vector(degree_);
  out.put_vector(signs_);
}

Result<void> CoAccessGraph::load(ByteReader& in) {
  const auto samples = in.get<std::uint64_t>();
  auto neighbours = in.get_vector<Node>();
  auto degree = in.get_vector<std::uint32_t>();
  auto signs = in.get_vector<std::uint64_t>();
  if (!in.ok() || neighbours.size() != neighbours_.size() || degree.size() != degree_.size() ||
      signs.size() != signs_.size()) {
    return fail(ErrorCode::kCorrupt, "co-access graph: wrong size");
  }
  for (const Node n : neighbours) {
    if (n != kNobody && n >= degree.size()) {
      return fail(ErrorCode::kCorrupt, "co-access graph: a neighbour is out of range");
    }
  }
  samples_ = samples;
  neighbours_ = std::move(neighbours);
  degree_ = std::move(degree);
  signs_ = std::move(signs);
  for (Node node = 0; node < degree_.size(); ++node) start(node);
  return {};
}

}  // namespace remapd::embedding

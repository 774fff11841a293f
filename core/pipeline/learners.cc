#include "core/pipeline/learners.h"

#include <algorithm>
#include <cmath>

namespace remapd::pipeline {
namespace {

constexpr double kLabelledShare = 0.5;    // of the samples
constexpr double kMinorityShare = 0.005;  // of the labelled samples, of the rarer class

embedding::FactorisationMachine::Config machine_config(const EngineConfig& config) {
  embedding::FactorisationMachine::Config out;
  out.factors = config.factors;
  out.seed = config.seed;
  return out;
}

embedding::CoAccessGraph::Config graph_config(const EngineConfig& config) {
  embedding::CoAccessGraph::Config out;
  out.dimension = config.co_access_dimension;
  out.seed = config.seed;
  return out;
}

}  // namespace

Learners::Learners(const EngineConfig& config, std::vector<std::uint32_t> slot_counts)
    : config_(config),
      slot_counts_(std::move(slot_counts)),
      machine_(machine_config(config), slot_counts_),
      graph_(graph_config(config), slot_counts_) {}

void Learners::admit(TableIndex table, std::span<const sketch::Slot> slots,
                     std::span<const Id> ids) {
  machine_.admit(table, slots, ids);
  graph_.admit(table, slots, ids);
}

void Learners::evict(std::span<const std::vector<sketch::Slot>> slots) {
  if (std::all_of(slots.begin(), slots.end(), [](const auto& some) { return some.empty(); }))
    return;
  graph_.evict(slots);
  graph_is_stale_ = true;
}

void Learners::learn(const embedding::SlotBatch& batch, std::size_t first, std::size_t last) {
  samples_ += last - first;
  for (std::size_t s = first; s < last; ++s) {
    if (std::isnan(batch.labels[s])) continue;
    ++labelled_;
    label_sum_ += static_cast<double>(batch.labels[s]);
  }
  machine_.learn(batch, first, last);
  graph_.learn(batch, first, last);
  graph_is_stale_ = true;
}

bool Learners::stream_is_labelled() const {
  const auto labelled = static_cast<double>(labelled_);
  return labelled_ > 0 && labelled >= kLabelledShare * static_cast<double>(samples_) &&
         label_sum_ >= kMinorityShare * labelled && label_sum_ <= (1 - kMinorityShare) * labelled;
}

Learners::Choice Learners::choice(TableIndex table) const {
  switch (config_.tables[table.value].learner) {
    case LearnerChoice::kCoAccess:
      return {LearnerChoice::kCoAccess, "pinned by the configuration"};
    case LearnerChoice::kSupervised:
      return {LearnerChoice::kSupervised, "pinned by the configuration"};
    case LearnerChoice::kAuto:
      break;
  }
  if (stream_is_labelled()) {
    return {LearnerChoice::kSupervised, "the stream carries labels of both classes"};
  }
  return {LearnerChoice::kCoAccess,
          labelled_ == 0 ? "the stream carries no labels" : "too few labels, or all of one class"};
}

void Learners::refresh() {
  bool needed = false;
  for (std::uint32_t t = 0; t < config_.tables.size(); ++t) {
    needed |= choice(TableIndex{t}).learner == LearnerChoice::kCoAccess;
  }
  if (!needed || !graph_is_stale_) return;
  graph_.refresh();
  graph_is_stale_ = false;
}

Learners::Embedding Learners::embed(TableIndex table, std::span<const sketch::Slot> slots) const {
  if (choice(table).learner == LearnerChoice::kSupervised) {
    return {machine_.embed(table, slots), machine_.dimension()};
  }
  return {graph_.embed(table, slots), graph_.dimension()};
}

std::size_t Learners::bytes_per_slot(const EngineConfig& config) {
  return embedding::FactorisationMachine::bytes_per_slot(machine_config(config)) +
         embedding::CoAccessGraph::bytes_per_slot(graph_config(config));
}

std::size_t Learners::memory_bytes() const {
  return machine_.memory_bytes() + graph_.memory_bytes();
}

void Learners::save(ByteWriter& out) const {
  out.put(samples_);
  out.put(labelled_);
  out.put(label_sum_);
  machine_.save(out);
  graph_.save(out);
}

Result<void> Learners::load(ByteReader& in) {
  samples_ = in.get<std::uint64_t>();
  labelled_ = in.get<std::uint64_t>();
  label_sum_ = in.get<double>();
  graph_is_stale_ = true;
  if (!in.ok() || labelled_ > samples_ || !(label_sum_ >= 0) ||
      label_sum_ > static_cast<double>(labelled_)) {
    return fail(ErrorCode::kCorrupt, "learners: counts contradict each other");
  }
  return machine_.load(in).and_then([&] { return graph_.load(in); });
}

}  // namespace remapd::pipeline

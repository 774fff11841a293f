#include "core/pipeline/learners.h"

#include <algorithm>
#include <cmath>

namespace remapd::pipeline {
namespace {

constexpr double kLabelledShare = 0.5;    // of the samples
constexpr double kMinorityShare = 0.005;  // of the labelled samples, of the rarer class
constexpr double kRecent = 0.933;         // of what has been counted, a tick: halves in ten

embedding::FactorisationMachine::Config machine_config(const EngineConfig& config) {
  embedding::FactorisationMachine::Config out;
  out.factors = config.factors;
  out.seed = config.seed;
  return out;
}

embedding::CoAccessGraph::Config graph_config(const EngineConfig& config) {
  embedding::CoAccessGraph::Config out;
  out.seed = config.seed;
  return out;
}

embedding::SpectralEmbedding::Config spectral_config(const EngineConfig& config) {
  embedding::SpectralEmbedding::Config out;
  out.dimension = config.co_access_dimension;
  return out;
}

// Whether some table uses the learner or may come to.
bool may_use(const EngineConfig& config, LearnerChoice learner) {
  return std::any_of(config.tables.begin(), config.tables.end(), [&](const TableConfig& table) {
    return table.learner == learner || table.learner == LearnerChoice::kAuto;
  });
}

}  // namespace

Learners::Learners(const EngineConfig& config, std::vector<std::uint32_t> slot_counts,
                   std::uint32_t generations)
    : config_(config), slot_counts_(std::move(slot_counts)), generations_(generations) {
  if (some_table(LearnerChoice::kSupervised)) make_machine();
  if (graph_is_needed()) make_graph();
}

bool Learners::some_table(LearnerChoice learner) const {
  return std::any_of(config_.tables.begin(), config_.tables.end(),
                     [&](const TableConfig& table) { return table.learner == learner; });
}

bool Learners::graph_is_needed() const {
  return some_table(LearnerChoice::kCoAccess) ||
         (some_table(LearnerChoice::kAuto) && !stream_is_labelled());
}

bool Learners::graph_is_ready() const {
  return graph_ && (graph_since_ == 0 || samples_ - graph_since_ >= config_.tick_samples);
}

void Learners::make_machine() {
  machine_.emplace(machine_config(config_), slot_counts_);
  machine_learns_ = some_table(LearnerChoice::kSupervised);
  for (std::uint32_t t = 0; t < config_.tables.size(); ++t) {
    if (config_.tables[t].horizon >= 0) set_horizon(TableIndex{t}, 0);
  }
}

void Learners::set_horizon(TableIndex table, double accesses) {
  if (machine_) machine_->set_horizon(table, accesses);
}

double Learners::horizon_accesses(TableIndex table) const {
  if (!machine_ || choice(table).learner != LearnerChoice::kSupervised) return 0;
  const embedding::AccessHorizon& horizon = machine_->horizon(table);
  return horizon.is_unbounded() ? 0 : static_cast<double>(horizon.accesses());
}

void Learners::make_graph() {
  graph_.emplace(graph_config(config_), slot_counts_, generations_);
  graph_since_ = samples_;
  spectral_.reset();
}

void Learners::begin(bool machine, bool graph, const TrackedIdsOf& tracked) {
  if (machine) make_machine();
  if (graph) make_graph();
  if (!machine && !graph) return;
  for (std::uint32_t t = 0; t < slot_counts_.size(); ++t) {
    const Tracked all = tracked(TableIndex{t});
    if (machine) machine_->admit(TableIndex{t}, all.slots, all.ids);
    if (graph) graph_->admit(TableIndex{t}, all.slots, all.ids);
  }
}

void Learners::begin_for(std::span<const float> labels, const TrackedIdsOf& tracked) {
  if (machine_ || !some_table(LearnerChoice::kAuto)) return;
  const bool labelled =
      !std::all_of(labels.begin(), labels.end(), [](float label) { return std::isnan(label); });
  begin(labelled, false, tracked);
}

bool Learners::begin_or_end_at_tick(const TrackedIdsOf& tracked) {
  for (double* recent : {&recent_samples_, &recent_labelled_, &recent_label_sum_}) {
    *recent *= kRecent;
  }
  const bool needed = graph_is_needed();
  if (!needed) graph_.reset();
  const bool begins = needed && !graph_;
  begin(false, begins, tracked);
  return begins;
}

void Learners::admit(TableIndex table, std::span<const sketch::Slot> slots,
                     std::span<const Id> ids) {
  if (machine_) machine_->admit(table, slots, ids);
  if (graph_) graph_->admit(table, slots, ids);
}

bool Learners::evict(std::span<const std::vector<sketch::Slot>> slots) {
  const auto is_empty = [](const auto& some) { return some.empty(); };
  if (!graph_ || std::all_of(slots.begin(), slots.end(), is_empty)) return false;
  spectral_.reset();
  return graph_->evict(slots);
}

void Learners::learn_labels(const embedding::SlotBatch& batch,
                            std::span<const embedding::IdGroups> groups, std::size_t mini_batch) {
  // The machine learns from the first mini-batch on that has a label.
  std::size_t first_labelled = batch.samples;
  std::uint64_t labelled = 0;
  double sum = label_sum_;
  for (std::size_t s = 0; s < batch.samples; ++s) {
    if (std::isnan(batch.labels[s])) continue;
    first_labelled = std::min(first_labelled, s);
    ++labelled;
    sum += static_cast<double>(batch.labels[s]);
  }
  labelled_ += labelled;
  recent_labelled_ += static_cast<double>(labelled);
  recent_label_sum_ += sum - label_sum_;
  label_sum_ = sum;
  if (!machine_) return;
  const std::size_t first = machine_learns_ ? 0 : first_labelled / mini_batch * mini_batch;
  machine_learns_ |= first_labelled < batch.samples;
  if (machine_learns_) machine_->learn(batch, groups, first, mini_batch);
}

void Learners::learn(const embedding::SlotBatch& batch, std::span<const embedding::IdGroups> groups,
                     std::size_t mini_batch) {
  learn_labels(batch, groups, mini_batch);
  // The graph knows no mini-batches.
  if (graph_) graph_->learn(batch);
  samples_ += batch.samples;
  recent_samples_ += static_cast<double>(batch.samples);
  spectral_.reset();
}

bool Learners::stream_is_labelled() const {
  const double labelled = recent_labelled_;
  return labelled_ > 0 && labelled >= kLabelledShare * recent_samples_ &&
         recent_label_sum_ >= kMinorityShare * labelled &&
         recent_label_sum_ <= (1 - kMinorityShare) * labelled;
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
  if (!graph_is_ready()) {
    return {LearnerChoice::kSupervised,
            "labels have become few; who is seen with whom is being learned anew"};
  }
  return {LearnerChoice::kCoAccess,
          labelled_ == 0 ? "the stream carries no labels" : "too few labels, or all of one class"};
}

Learners::Embedding Learners::embed(TableIndex table, std::span<const sketch::Slot> slots) {
  if (choice(table).learner == LearnerChoice::kSupervised) {
    return embed(table, slots, machine_->metric(table));
  }
  auto spectral = spectral_.lock();
  if (!spectral) {
    spectral = std::make_shared<const embedding::SpectralEmbedding>(spectral_config(config_),
                                                                    graph_->snapshot());
    spectral_ = spectral;
  }
  const std::size_t dimension = spectral->dimension();
  return {.values = {}, .dimension = dimension, .metric = {}, .spectral = std::move(spectral)};
}

Learners::Embedding Learners::embed(TableIndex table, std::span<const sketch::Slot> slots,
                                    std::vector<float> metric) {
  std::vector<float> values = machine_->embed(table, slots, metric);
  return {.values = std::move(values),
          .dimension = machine_->dimension(),
          .metric = std::move(metric),
          .spectral = nullptr};
}

std::size_t Learners::bytes_per_slot(const EngineConfig& config) {
  std::size_t bytes = 0;
  if (may_use(config, LearnerChoice::kSupervised)) {
    bytes += embedding::FactorisationMachine::bytes_per_slot(machine_config(config));
  }
  if (may_use(config, LearnerChoice::kCoAccess)) {
    bytes += embedding::CoAccessGraph::bytes_per_slot();
  }
  return bytes;
}

std::size_t Learners::embedding_bytes(const EngineConfig& config, std::size_t slots,
                                      std::size_t ids) {
  std::size_t bytes = 0;
  if (may_use(config, LearnerChoice::kSupervised)) {
    // As they come, and in order.
    bytes = 2 * ids * (config.factors + 1) * sizeof(float);
  }
  if (may_use(config, LearnerChoice::kCoAccess)) {
    bytes = std::max(
        bytes, embedding::SpectralEmbedding::memory_bytes(
                   spectral_config(config), embedding::CoAccessGraph::kNeighbours, slots, ids));
  }
  return bytes;
}

std::size_t Learners::memory_bytes() const {
  return (machine_ ? machine_->memory_bytes() : 0) + (graph_ ? graph_->memory_bytes() : 0);
}

void Learners::save(StateWriter& out) const {
  out.small().put(samples_);
  out.small().put(labelled_);
  out.small().put(label_sum_);
  out.small().put(recent_samples_);
  out.small().put(recent_labelled_);
  out.small().put(recent_label_sum_);
  out.small().put<std::uint8_t>(machine_ ? 1 : 0);
  if (machine_) machine_->save(out);
  out.small().put<std::uint8_t>(graph_ ? 1 : 0);
  if (!graph_) return;
  out.small().put(graph_since_);
  graph_->save(out);
}

Result<void> Learners::load(ByteReader& in, const TrackedIdsOf& tracked) {
  samples_ = in.get<std::uint64_t>();
  labelled_ = in.get<std::uint64_t>();
  label_sum_ = in.get<double>();
  recent_samples_ = in.get<double>();
  recent_labelled_ = in.get<double>();
  recent_label_sum_ = in.get<double>();
  if (!in.ok() || labelled_ > samples_ || !(label_sum_ >= 0) ||
      label_sum_ > static_cast<double>(labelled_)) {
    return fail(ErrorCode::kCorrupt, "learners: counts contradict each other");
  }
  machine_.reset();
  if (in.get<std::uint8_t>() != 0) {
    make_machine();
    machine_learns_ = true;
    if (auto ok = machine_->load(in); !ok) return ok;
    if (labelled_ == 0 && !some_table(LearnerChoice::kSupervised)) machine_.reset();
  }
  graph_.reset();
  if (in.get<std::uint8_t>() != 0) {
    make_graph();
    graph_since_ = in.get<std::uint64_t>();
    if (graph_since_ > samples_) {
      return fail(ErrorCode::kCorrupt, "learners: the graph began after its time");
    }
    if (auto ok = graph_->load(in); !ok) return ok;
  }
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "learners: cut short");
  const bool supervised = some_table(LearnerChoice::kSupervised) ||
                          (some_table(LearnerChoice::kAuto) && stream_is_labelled());
  begin(!machine_ && supervised, !graph_ && some_table(LearnerChoice::kCoAccess), tracked);
  return {};
}

}  // namespace remapd::pipeline

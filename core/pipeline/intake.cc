#include "core/pipeline/intake.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "core/base/check.h"
#include "core/base/parallel.h"

namespace remapd::pipeline {
namespace {

// Ids of a chunk: tasks long enough to pay, and few enough to stay in a core's cache.
constexpr std::size_t kChunkIds = 8'192;
constexpr std::size_t kTaskIds = 1'024;  // fewer are not worth a task of their own

std::vector<std::uint32_t> slot_counts(const std::vector<TableState>& tables) {
  std::vector<std::uint32_t> out;
  for (const TableState& table : tables) out.push_back(table.slot_count());
  return out;
}

std::vector<TableState> tables_of(const EngineConfig& config) {
  std::vector<TableState> out;
  out.reserve(config.tables.size());
  for (const TableConfig& table : config.tables) out.emplace_back(table);
  return out;
}

// Of an average tracked id; 0: all.
double accesses_within_horizon(const TableState& table, std::uint64_t samples) {
  if (samples == 0 || table.ids().size() == 0) return 0;
  const double of_each =
      static_cast<double>(table.accesses()) / static_cast<double>(table.ids().size());
  return table.config().horizon * of_each / static_cast<double>(samples);
}

// That all tables tell apart.
std::uint32_t generations(const std::vector<TableState>& tables) {
  std::uint32_t least = embedding::Generations::kAll;
  for (const TableState& table : tables) least = std::min(least, table.generations());
  return least;
}

}  // namespace

Intake::Intake(const EngineConfig& config)
    : config_(config),
      schema_(config.features),
      features_of_(config.tables.size()),
      tables_(tables_of(config)),
      learners_(config, slot_counts(tables_), generations(tables_)),
      filling_(schema_.size()),
      resolving_(schema_.size()),
      resolved_(schema_.size()),
      rest_(schema_.size()),
      evicted_(config.tables.size()) {
  for (std::uint32_t f = 0; f < schema_.size(); ++f) {
    features_of_[schema_.feature(FeatureIndex{f}).table.value].push_back(f);
  }
  for (Chunk* chunk : {&filling_, &resolving_, &resolved_}) {
    chunk->batch.columns.resize(schema_.size());
    chunk->admitted.resize(tables_.size());
    chunk->groups.resize(tables_.size());
    for (std::uint32_t f = 0; f < schema_.size(); ++f) {
      chunk->batch.columns[f].table = schema_.feature(FeatureIndex{f}).table;
    }
  }
}

void Intake::ingest(const EventBatch& batch) {
  REMAPD_CHECK(batch.features() == schema_.size(), "the batch was decoded by this schema");
  value_at_.assign(schema_.size(), 0);
  for (std::size_t first = 0; first < batch.samples();) {
    const std::size_t room = config_.mini_batch - filling_.samples.size() % config_.mini_batch;
    const std::size_t count = std::min(room, batch.samples() - first);
    filling_.samples.append(batch, first, count, value_at_);
    first += count;
    samples_ += count;
    if (count == room && (filling_.samples.total_ids() >= kChunkIds || tick_is_due())) turn();
  }
}

// Starts resolving the chunk that was filled while the chunk before it is learned.
void Intake::turn() {
  finish_turn();
  begin_what_is_needed();
  std::swap(resolving_, filling_);
  resolving_.batch.samples = resolving_.samples.size();
  resolving_.grouped = learners_.needs_groups();
  divide_tables();
  turn_.start([this] {
    parallel_pieces(tasks_.size(), [this](std::size_t piece) {
      if (piece == 0) return learn(resolved_);
      for (std::uint32_t table = tasks_[piece - 1]; table < tasks_[piece]; ++table) {
        resolve(table, resolving_);
        if (resolving_.grouped) group(table, resolving_);
      }
    });
  });
  if (tick_is_due()) {
    learn_resolved();
    tick();
  }
}

void Intake::finish_turn() {
  if (!turn_.under_way()) return;
  turn_.finish();
  std::swap(resolved_, resolving_);
}

// Tables for each task of resolving, as many as are worth one.
void Intake::divide_tables() {
  tasks_.assign(1, 0);
  std::size_t ids = 0;
  for (std::uint32_t t = 0; t < tables_.size(); ++t) {
    for (const std::uint32_t f : features_of_[t]) ids += resolving_.samples.values(f).size();
    if (ids < kTaskIds && t + 1 < tables_.size()) continue;
    tasks_.push_back(t + 1);
    ids = 0;
  }
}

Learners::Tracked Intake::tracked(TableIndex table) const {
  Learners::Tracked all;
  tables_[table.value].ids().for_each([&](sketch::Slot slot, Id id, double) {
    all.slots.push_back(slot);
    all.ids.push_back(id);
  });
  return all;
}

// Before the resolved chunk is learned.
void Intake::begin_what_is_needed() {
  learners_.begin_for(resolved_.samples.labels(), [this](TableIndex t) { return tracked(t); });
  if (!learners_.needs_groups() || resolved_.grouped) return;
  for (std::uint32_t t = 0; t < tables_.size(); ++t) group(t, resolved_);
  resolved_.grouped = true;
}

void Intake::learn_resolved() {
  finish_turn();
  begin_what_is_needed();
  learn(resolved_);
}

void Intake::settle() {
  const std::size_t whole = filling_.samples.size() / config_.mini_batch * config_.mini_batch;
  if (whole > 0) {
    filling_.samples.move_from(whole, rest_);
    turn();
    std::swap(filling_.samples, rest_);
  }
  learn_resolved();
}

void Intake::flush() {
  settle();
  if (filling_.samples.size() == 0) return;
  turn();
  learn_resolved();
}

// Counts the chunk's ids of one table and resolves them to slots. The order of ids decides which
// one gets the last free slot, so features that share a table alternate by mini-batches.
void Intake::resolve(std::uint32_t index, Chunk& chunk) {
  TableState& table = tables_[index];
  Learners::Tracked& admitted = chunk.admitted[index];
  admitted.slots.clear();
  admitted.ids.clear();
  const std::size_t samples = chunk.samples.size();
  for (const std::uint32_t f : features_of_[index]) {
    embedding::SlotBatch::Column& column = chunk.batch.columns[f];
    column.begin = chunk.samples.begin(f);
    column.slots.resize(chunk.samples.values(f).size());
    column.is_new_id.resize(column.slots.size());
    column.count.resize(column.slots.size());
    column.generation.resize(column.slots.size());
  }
  const std::size_t step = features_of_[index].size() == 1 ? samples : config_.mini_batch;
  for (std::size_t first = 0; first < samples; first += step) {
    const std::size_t last = std::min(samples, first + step);
    for (const std::uint32_t f : features_of_[index]) {
      embedding::SlotBatch::Column& column = chunk.batch.columns[f];
      const std::size_t begin = column.begin[first];
      const std::size_t count = column.begin[last] - begin;
      table.access(std::span(chunk.samples.values(f)).subspan(begin, count),
                   {.slots = std::span(column.slots).subspan(begin, count),
                    .is_new_id = std::span(column.is_new_id).subspan(begin, count),
                    .counts = std::span(column.count).subspan(begin, count),
                    .generation = std::span(column.generation).subspan(begin, count)},
                   learners_.generations(TableIndex{index}), admitted.slots);
    }
  }
  for (const sketch::Slot slot : admitted.slots) admitted.ids.push_back(table.ids().id_of(slot));
  hide_weightless(index, chunk);
}

// Samples of weight 0 have been counted; to the learners their ids are as if untracked.
void Intake::hide_weightless(std::uint32_t index, Chunk& chunk) const {
  const std::vector<float>& weights = chunk.samples.weights();
  for (auto at = std::find(weights.begin(), weights.end(), 0.0F); at != weights.end();
       at = std::find(at + 1, weights.end(), 0.0F)) {
    const auto s = static_cast<std::size_t>(at - weights.begin());
    for (const std::uint32_t f : features_of_[index]) {
      embedding::SlotBatch::Column& column = chunk.batch.columns[f];
      std::fill(column.slots.begin() + column.begin[s], column.slots.begin() + column.begin[s + 1],
                sketch::kNoSlot);
    }
  }
}

void Intake::group(std::uint32_t table, Chunk& chunk) {
  chunk.groups[table].find(chunk.batch, features_of_[table], config_.mini_batch);
}

void Intake::learn(Chunk& chunk) {
  if (chunk.samples.size() == 0) return;
  chunk.batch.labels = chunk.samples.labels();
  chunk.batch.weights = chunk.samples.weights();
  for (std::uint32_t t = 0; t < tables_.size(); ++t) {
    const Learners::Tracked& admitted = chunk.admitted[t];
    if (!admitted.slots.empty()) learners_.admit(TableIndex{t}, admitted.slots, admitted.ids);
  }
  learners_.learn(chunk.batch, chunk.groups, config_.mini_batch);
  chunk.samples.clear();
  chunk.batch.samples = 0;
}

void Intake::tick() {
  const auto begin = std::chrono::steady_clock::now();
  const std::uint64_t now = learners_.samples();
  const auto passed = static_cast<double>(now - last_tick_);
  parallel_pieces(tables_.size(), [&](std::size_t t) {
    evicted_[t].clear();
    tables_[t].fold(passed, evicted_[t]);
  });
  for (std::uint32_t t = 0; t < tables_.size(); ++t) {
    if (tables_[t].config().horizon >= 0) {
      learners_.set_horizon(TableIndex{t}, accesses_within_horizon(tables_[t], now));
    }
  }
  bool restart = learners_.evict(evicted_);
  restart |= learners_.begin_or_end_at_tick([this](TableIndex t) { return tracked(t); });
  for (std::size_t t = 0; restart && t < tables_.size(); ++t) tables_[t].restart_generations();
  ++ticks_;
  last_tick_ = now;
  tick_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void Intake::save(StateWriter& out) const {
  out.small().put(ticks_);
  out.small().put(last_tick_);
  filling_.samples.save(out.small());
  for (const TableState& table : tables_) table.save(out);
  learners_.save(out);
}

Result<void> Intake::load(ByteReader& in) {
  ticks_ = in.get<std::uint64_t>();
  last_tick_ = in.get<std::uint64_t>();
  if (auto ok = filling_.samples.load(in); !ok) return ok;
  for (TableState& table : tables_) {
    if (auto ok = table.load(in); !ok) return ok;
  }
  const auto tracked_ids = [this](TableIndex t) { return tracked(t); };
  if (auto ok = learners_.load(in, tracked_ids); !ok) return ok;
  samples_ = learners_.samples() + filling_.samples.size();
  if (filling_.samples.size() >= config_.mini_batch || last_tick_ > learners_.samples()) {
    return fail(ErrorCode::kCorrupt, "engine state: contradicts itself");
  }
  return {};
}

}  // namespace remapd::pipeline

#include "core/pipeline/engine.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <unordered_map>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/pipeline/intake.h"
#include "core/placement/builder.h"

namespace remapd::pipeline {

struct BuildJob {
  TableIndex table;
  mapping::ArtifactKind artifact = mapping::ArtifactKind::kFast;

  // A full build.
  placement::BuildInput input;      // ids in slot order, without embeddings; run_build() sorts
  std::vector<sketch::Slot> slots;  // of the ids
  Learners::Embedding embedding;    // of the slots
  placement::BuilderConfig config;
  std::optional<Incumbent> incumbent;

  // An increment.
  std::optional<placement::IncrementInput> increment;
  std::shared_ptr<const placement::PlacedRows> placed;
};

void BuildJobDeleter::operator()(BuildJob* job) const {
  delete job;
}

namespace {

constexpr std::uint32_t kStateFormat = 1;  // docs/formats.md "Engine state"

constexpr std::size_t kLookedUpTogether = 16'384;  // ids

// The ids, frequencies and embeddings of the job by ascending id.
placement::BuildInput sorted_input(const BuildJob& job, const mapping::Mapping* incumbent) {
  const placement::BuildInput& from = job.input;
  struct Entry {
    Id id;
    std::uint32_t position;
  };
  const std::size_t n = from.ids.size();
  std::vector<Entry> order(n);
  for (std::uint32_t i = 0; i < n; ++i) order[i] = {from.ids[i], i};
  parallel_sort(order, [](const Entry& a, const Entry& b) { return a.id < b.id; });
  placement::BuildInput to = {.table = from.table,
                              .version = from.version,
                              .epoch = from.epoch,
                              .built_ms = from.built_ms,
                              .ids = {},
                              .frequency = {},
                              .embedding = {},
                              .touched = {},
                              .dimension = job.embedding.dimension,
                              .metric = job.embedding.metric,
                              .new_id_traffic = from.new_id_traffic,
                              .new_id_persistence = from.new_id_persistence,
                              .incumbent = incumbent,
                              .clustered_ids = from.clustered_ids,
                              .placed_new_ids = from.placed_new_ids};
  to.ids.resize(n);
  to.frequency.resize(n);
  to.touched.resize(n);
  const std::size_t d = to.dimension;
  const std::vector<float>& values = job.embedding.values;
  to.embedding.resize(values.size());
  std::vector<sketch::Slot> slots(n);
  constexpr std::size_t kPiece = 16'384;
  parallel_ranges(n, kPiece, [&](std::size_t begin, std::size_t end) {
    for (std::size_t at = begin; at < end; ++at) {
      const std::size_t i = order[at].position;
      to.ids[at] = from.ids[i];
      to.frequency[at] = from.frequency[i];
      to.touched[at] = from.touched[i];
      slots[at] = job.slots[i];
      if (!values.empty()) std::copy_n(values.data() + i * d, d, to.embedding.data() + at * d);
    }
  });
  if (job.embedding.spectral) to.embedding = job.embedding.spectral->embed(job.table, slots);
  return to;
}

// Of everything that decides the shape and meaning of the saved state. Row budgets, strategies and
// thresholds may change between runs; these may not.
std::uint64_t fingerprint(const EngineConfig& config) {
  ByteWriter out;
  for (const TableConfig& table : config.tables) {
    out.put_string(table.name);
    out.put(table.max_tracked_ids);
  }
  for (const Feature& feature : config.features) {
    out.put_string(feature.name);
    out.put(feature.table.value);
  }
  out.put(config.factors);
  out.put(config.mini_batch);
  out.put(config.seed);
  return checksum(out.bytes());
}

class StreamEngine final : public Engine {
 public:
  explicit StreamEngine(EngineConfig config)
      : config_(std::move(config)), intake_(std::make_unique<Intake>(config_)) {}

  const EngineConfig& config() const override { return config_; }
  const FeatureSchema& schema() const override { return intake_->schema(); }
  std::uint64_t samples() const override { return intake_->samples(); }

  void ingest(const EventBatch& batch) override { intake_->ingest(batch); }
  void flush() override { intake_->flush(); }

  std::optional<BuildKind> between_full_builds(TableIndex index) const override {
    const TableState& table = settled().tables()[index.value];
    const Incumbent* incumbent = table.incumbent();
    const placement::PlacedRows* placed = table.placed().get();
    if (incumbent == nullptr || placed == nullptr ||
        table.config().artifact != mapping::ArtifactKind::kFast ||
        incumbent->info().rows != table.config().rows ||
        incumbent->info().strategy != table.config().strategy) {
      return std::nullopt;
    }
    if (placement::has_rows_to_spare(incumbent->stats())) {
      const std::size_t spare = incumbent->info().fallback.row_count;
      return table.accessed().size() <= spare / 2 ? BuildKind::kIncrement : BuildKind::kFull;
    }
    const bool comparable =
        !placed->content().metric.empty() &&
        settled().learners().choice(index).learner == LearnerChoice::kSupervised;
    return comparable ? std::optional(BuildKind::kIncrement) : std::nullopt;
  }

  BuildJobPtr begin_build(const BuildRequest& request) override {
    TableState& table = settled().tables()[request.table.value];
    BuildJobPtr job = request.kind == BuildKind::kIncrement ? begin_increment(request, table)
                                                            : begin_full_build(request, table);
    job->table = request.table;
    job->artifact = table.config().artifact;
    table.begin_version();
    return job;
  }

  mapping::Mapping mapping_after(const BuildOutcome& increment) const override {
    Incumbent incumbent = *settled().tables()[increment.table.value].incumbent();
    incumbent.apply(*increment.increment, increment.mapping.stats);
    return *incumbent.mapping();
  }

  void adopt(const BuildOutcome& outcome) override {
    TableState& table = settled().tables()[outcome.table.value];
    if (outcome.increment) {
      table.adopt(*outcome.increment, outcome.mapping.stats, outcome.row_traffic);
    } else {
      table.adopt(outcome.mapping, outcome.clustered_ids, outcome.placed);
    }
  }

  Result<void> adopt(TableIndex index, const mapping::ArtifactView& artifact) override {
    TableState& table = settled().tables()[index.value];
    if (artifact.info().table != table.config().name) {
      return fail(ErrorCode::kInvalidArgument, "the artifact is of table \"" +
                                                   artifact.info().table + "\", not of \"" +
                                                   table.config().name + "\"");
    }
    mapping::Mapping incumbent;
    incumbent.info = artifact.info();
    std::vector<Id> ids;
    ids.reserve(table.ids().size());
    table.ids().for_each([&](sketch::Slot, Id id, double) { ids.push_back(id); });
    parallel_sort(ids, std::less<>());
    std::vector<Row> rows(ids.size());
    parallel_ranges(ids.size(), kLookedUpTogether, [&](std::size_t begin, std::size_t end) {
      artifact.find(std::span(ids).subspan(begin, end - begin),
                    std::span(rows).subspan(begin, end - begin));
    });
    std::uint64_t clustered = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (rows[i] == kNoRow) continue;
      incumbent.ids.push_back(ids[i]);
      incumbent.rows.push_back(rows[i]);
      if (rows[i].value >= incumbent.info.dedicated_rows) ++clustered;
    }
    incumbent.stats.ids = incumbent.ids.size();
    incumbent.stats.dedicated_rows = incumbent.info.dedicated_rows;
    incumbent.stats.fallback_rows = incumbent.info.fallback.row_count;
    table.adopt(std::move(incumbent), clustered, nullptr);
    holds_something_ = true;
    return {};
  }

  EngineStats stats() const override {
    const Intake& intake = settled();
    EngineStats out;
    out.samples = samples();
    out.waiting_samples = out.samples - intake.learners().samples();
    out.labelled_samples = intake.learners().labelled_samples();
    out.label_sum = intake.learners().label_sum();
    out.ticks = intake.ticks();
    out.tick_seconds = intake.tick_seconds();
    out.learner_bytes = intake.learners().memory_bytes();
    for (std::uint32_t t = 0; t < intake.tables().size(); ++t) {
      const TableState& table = intake.tables()[t];
      TableStats& stats = out.tables.emplace_back();
      const Learners::Choice choice = intake.learners().choice(TableIndex{t});
      stats.name = table.config().name;
      stats.rows = table.config().rows;
      stats.strategy = to_string(table.config().strategy);
      stats.artifact = to_string(table.config().artifact);
      stats.learner = to_string(choice.learner);
      stats.learner_reason = choice.reason;
      stats.accesses = table.accesses();
      stats.distinct_ids = table.distinct_ids();
      stats.tracked_ids = table.ids().size();
      stats.evicted_ids = table.evicted();
      stats.new_id_traffic = table.new_id_traffic();
      stats.half_life_samples = table.half_life(static_cast<double>(config_.tick_samples));
      stats.horizon_accesses = intake.learners().horizon_accesses(TableIndex{t});
      stats.memory_bytes = table.memory_bytes();
      if (const Incumbent* incumbent = table.incumbent()) {
        stats.version = incumbent->info().version;
        stats.mapping = incumbent->stats();
      }
      out.ids += table.accesses();
    }
    return out;
  }

  std::uint64_t tracked_ids(TableIndex table) const override {
    return settled().tables()[table.value].ids().size();
  }

  std::shared_ptr<const mapping::Mapping> incumbent(TableIndex table) const override {
    const Incumbent* incumbent = intake_->tables()[table.value].incumbent();
    return incumbent != nullptr ? incumbent->mapping() : nullptr;
  }

  std::vector<IdStats> heaviest(TableIndex table, std::size_t count, RowRole role) const override {
    if (role == RowRole::kAny) return top(table, count, [](Row) { return true; });
    const Incumbent* incumbent = settled().tables()[table.value].incumbent();
    if (incumbent == nullptr) return {};
    // Dedicated rows come first, then shared ones.
    const std::uint32_t dedicated = incumbent->stats().dedicated_rows;
    const std::uint32_t placed = dedicated + incumbent->stats().shared_rows;
    return top(table, count, [=](Row row) {
      return role == RowRole::kDedicated ? row.value < dedicated
                                         : row.value >= dedicated && row.value < placed;
    });
  }

  std::vector<IdStats> sharing_row(TableIndex table, Row row, std::size_t count) const override {
    return top(table, count, [row](Row other) { return other == row; });
  }

  IdStats id_stats(TableIndex index, Id id) const override {
    const TableState& table = settled().tables()[index.value];
    IdStats out{.id = id};
    const sketch::Slot slot = table.ids().find(id);
    if (slot != sketch::kNoSlot) {
      out.frequency = table.ids().count(slot);
      out.row = table.row(slot);
    }
    if (out.row == kNoRow && table.incumbent() != nullptr) {
      out.row = table.incumbent()->lookup(id);
    }
    count_row_ids(table, {&out, 1});
    return out;
  }

  void save(StateWriter& out) const override {
    out.small().put(kStateFormat);
    out.small().put(fingerprint(config_));
    settled().save(out);
  }

  Result<void> load(ByteReader& in) override {
    if (auto ok = check_saved_state(config_, in); !ok) return ok;
    if (std::exchange(holds_something_, true)) {
      intake_.reset();
      intake_ = std::make_unique<Intake>(config_);
    }
    return intake_->load(in);
  }

 private:
  // With everything learned that can be: what calls look at must not depend on how far counting
  // runs ahead of learning.
  Intake& settled() const {
    intake_->settle();
    return *intake_;
  }

  BuildJobPtr begin_full_build(const BuildRequest& request, const TableState& table) {
    Learners& learners = settled().learners();
    const TableConfig& config = table.config();
    BuildJobPtr job(new BuildJob);
    if (table.incumbent() != nullptr) job->incumbent = *table.incumbent();
    job->config = {.strategy = config.strategy,
                   .rows = config.rows,
                   .dedicated_share = config.dedicated_share,
                   .new_id_share = config.new_id_share,
                   .hysteresis = config.hysteresis,
                   .churn_budget = config.churn_budget,
                   .seed = config_.seed};
    placement::BuildInput& input = job->input;
    input.table = config.name;
    input.version = request.version;
    input.epoch = request.epoch;
    input.built_ms = request.built_ms;
    input.new_id_traffic = table.new_id_traffic();
    input.new_id_persistence = learners.new_id_persistence(request.table);
    input.clustered_ids = table.clustered_ids();
    input.placed_new_ids = table.placed_new_ids();
    if (config.strategy == mapping::Strategy::kHash) return job;
    copy_ids(table, *job);
    if (config.strategy == mapping::Strategy::kEmbedding ||
        config.strategy == mapping::Strategy::kCombined) {
      job->embedding = learners.embed(request.table, job->slots);
    }
    return job;
  }

  // Looks at new ids, and at known ones of shared rows, that were accessed since the incumbent.
  BuildJobPtr begin_increment(const BuildRequest& request, const TableState& table) {
    REMAPD_CHECK(between_full_builds(request.table) == BuildKind::kIncrement,
                 "an increment can be built");
    const Incumbent& incumbent = *table.incumbent();
    BuildJobPtr job(new BuildJob);
    job->placed = table.placed();
    placement::IncrementInput& input = job->increment.emplace();
    input.version = request.version;
    input.epoch = request.epoch;
    input.built_ms = request.built_ms;
    input.parent = incumbent.info();
    input.parent_stats = incumbent.stats();
    input.parent_content = incumbent.content_hash();
    input.total_frequency = table.decayed_accesses();
    input.new_id_traffic = table.new_id_traffic();
    input.churn_budget = table.config().churn_budget * table.decayed_accesses();

    const bool spare = placement::has_rows_to_spare(incumbent.stats());
    std::vector<std::pair<Id, sketch::Slot>> entries;
    for (const sketch::Slot slot : table.accessed()) {
      if (!table.ids().occupied(slot)) continue;
      const Row row = table.row(slot);
      const bool may_move = !spare && row != kNoRow &&
                            row.value >= incumbent.info().dedicated_rows &&
                            table.ids().count(slot) <= placement::kSettledAccesses;
      if (row == kNoRow || may_move) entries.emplace_back(table.ids().id_of(slot), slot);
    }
    std::sort(entries.begin(), entries.end());
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    std::vector<sketch::Slot> slots;
    for (const auto& [id, slot] : entries) {
      slots.push_back(slot);
      input.ids.push_back(id);
      input.rows.push_back(table.row(slot));
      input.frequency.push_back(std::max(static_cast<float>(table.ids().count(slot)), 1e-6F));
    }
    if (!spare) {
      input.embedding =
          settled().learners().embed(request.table, slots, job->placed->content().metric).values;
    }
    return job;
  }

  static void copy_ids(const TableState& table, BuildJob& job) {
    const sketch::TrackedIds& ids = table.ids();
    std::vector<std::size_t> begin(ids.shard_count() + 1);  // of each shard's ids
    for (std::uint32_t s = 0; s < ids.shard_count(); ++s) begin[s + 1] = begin[s] + ids.size(s);
    placement::BuildInput& input = job.input;
    job.slots.resize(begin.back());
    input.ids.resize(begin.back());
    input.touched.resize(begin.back());
    input.frequency.resize(begin.back());
    parallel_pieces(ids.shard_count(), [&](std::size_t s) {
      std::size_t at = begin[s];
      ids.for_each(static_cast<std::uint32_t>(s), [&](sketch::Slot slot, Id id, double count) {
        job.slots[at] = slot;
        input.ids[at] = id;
        input.touched[at] = table.touched(slot) ? 1 : 0;
        input.frequency[at] = std::max(static_cast<float>(count), 1e-6F);
        ++at;
      });
    });
  }

  template <class Keep>
  std::vector<IdStats> top(TableIndex index, std::size_t count, Keep keep) const {
    const TableState& table = settled().tables()[index.value];
    std::vector<IdStats> out;
    table.ids().for_each([&](sketch::Slot slot, Id id, double frequency) {
      if (keep(table.row(slot))) {
        out.push_back({.id = id, .frequency = frequency, .row = table.row(slot)});
      }
    });
    const auto heavier = [](const IdStats& a, const IdStats& b) {
      return a.frequency != b.frequency ? a.frequency > b.frequency : a.id < b.id;
    };
    const auto wanted = static_cast<std::ptrdiff_t>(std::min(count, out.size()));
    std::partial_sort(out.begin(), out.begin() + wanted, out.end(), heavier);
    out.resize(static_cast<std::size_t>(wanted));
    count_row_ids(table, out);
    return out;
  }

  // Fills in row_ids. O(tracked ids).
  static void count_row_ids(const TableState& table, std::span<IdStats> of) {
    std::unordered_map<std::uint32_t, std::uint64_t> ids_on;
    for (const IdStats& id : of) {
      if (id.row != kNoRow) ids_on[id.row.value] = 0;
    }
    if (ids_on.empty()) return;
    table.ids().for_each([&](sketch::Slot slot, Id, double) {
      const auto row = ids_on.find(table.row(slot).value);
      if (row != ids_on.end()) ++row->second;
    });
    for (IdStats& id : of) {
      if (id.row != kNoRow) id.row_ids = ids_on[id.row.value];
    }
  }

  EngineConfig config_;
  std::unique_ptr<Intake> intake_;
  bool holds_something_ = false;  // loaded, or adopted
};

}  // namespace

BuildOutcome run_build(BuildJobPtr job) {
  BuildOutcome out;
  out.table = job->table;
  out.artifact = job->artifact;
  if (job->increment) {
    placement::Increment increment = placement::make_increment(*job->increment, *job->placed);
    out.mapping.info = increment.delta.to;
    out.mapping.stats = increment.stats;
    out.plan = std::move(increment.plan);
    out.row_traffic = std::move(increment.traffic);
    out.increment = std::move(increment.delta);
    return out;
  }
  if (job->incumbent) out.incumbent = job->incumbent->mapping();
  const placement::BuilderConfig config = job->config;
  const placement::BuildInput input = sorted_input(*job, out.incumbent.get());
  job.reset();  // its copies take more memory than what was made of them
  placement::BuildResult result = placement::build_mapping(input, config);
  out.mapping = std::move(result.mapping);
  out.plan = std::move(result.plan);
  out.clustered_ids = result.clustered_ids;
  out.placed = std::move(result.placed);
  return out;
}

bool BuildOutcome::leads_to_increments() const {
  return placed != nullptr && artifact == mapping::ArtifactKind::kFast &&
         (placement::has_rows_to_spare(mapping.stats) || !placed->content().metric.empty());
}

Result<void> check_saved_state(const EngineConfig& config, ByteReader& in) {
  const auto format = in.get<std::uint32_t>();
  const auto saved_under = in.get<std::uint64_t>();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "engine state: cut short");
  if (format != kStateFormat) {
    return fail(ErrorCode::kUnsupported, "engine state: format " + std::to_string(format) +
                                             ", this build reads " + std::to_string(kStateFormat));
  }
  if (saved_under != fingerprint(config)) {
    return fail(ErrorCode::kConflict,
                "engine state: it was saved under other features, max_tracked_ids, dimensions, "
                "mini_batch or seed; set them back, or move the checkpoint away to start afresh");
  }
  return {};
}

Result<std::unique_ptr<Engine>> Engine::create(EngineConfig config) {
  if (auto ok = config.validate(); !ok) return fail(std::move(ok).error());
  return std::make_unique<StreamEngine>(std::move(config));
}

}  // namespace remapd::pipeline

// What the daemon makes of an event log: mapping versions in a directory, each built at the sample
// its schedule says, as with publish.wait_for_publish, and a last one at the end.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connectors/files/directory_sink.h"
#include "core/base/check.h"
#include "core/mapping/artifact_encoder.h"
#include "core/mapping/delta.h"
#include "core/mapping/manifest.h"
#include "core/mapping/migration_plan.h"
#include "core/pipeline/batch_cursor.h"
#include "core/pipeline/engine.h"
#include "core/pipeline/event_source.h"
#include "core/pipeline/publish_schedule.h"

namespace remapd::test_support {

class LogPublisher {
 public:
  LogPublisher(const std::filesystem::path& directory, pipeline::EngineConfig config,
               const pipeline::PublishSchedule::Config& schedule) {
    auto engine = pipeline::Engine::create(std::move(config));
    REMAPD_CHECK(engine.has_value(), "a test's configuration is sound");
    engine_ = std::move(*engine);
    auto sink =
        files::DirectoryMappingSink::create({.directory = directory, .retain_versions = 1'000});
    REMAPD_CHECK(sink.has_value(), "a test can write its directory");
    sink_ = std::move(*sink);
    for (const pipeline::TableConfig& table : engine_->config().tables) {
      const auto tenure = sink_->take_over(table.name, "tester");
      REMAPD_CHECK(tenure.has_value(), "nobody else publishes to a test's directory");
      tables_.push_back(
          {.epoch = tenure->epoch, .schedule = pipeline::PublishSchedule(schedule), .version = {}});
    }
  }

  // Reads the source, which has been started, to its end. `until`: stops after so many samples, as
  // a daemon that dies does.
  void run(pipeline::EventSource& source, std::uint64_t until = ~std::uint64_t{0}) {
    pipeline::BatchCursor cursor;
    for (;;) {
      const auto polled = source.poll(cursor.refill(), std::chrono::milliseconds(1'000));
      REMAPD_CHECK(polled.has_value(), "a test's log can be read");
      if (*polled == pipeline::PollOutcome::kEnd) break;
      cursor.filled();
      while (cursor.remaining() > 0) {
        if (engine_->samples() >= until) return;
        for (std::uint32_t t = 0; t < tables_.size(); ++t) {
          if (tables_[t].schedule.due(engine_->samples())) publish(TableIndex{t});
        }
        std::uint64_t count = cursor.remaining();
        for (const Table& table : tables_) {
          count = std::min(count, table.schedule.due_at() - engine_->samples());
        }
        engine_->ingest(cursor.take(count));
      }
    }
    engine_->flush();
    for (std::uint32_t t = 0; t < tables_.size(); ++t) publish(TableIndex{t});
  }

  Version version(TableIndex table) const { return tables_[table.value].version; }

 private:
  struct Table {
    Epoch epoch;
    pipeline::PublishSchedule schedule;
    Version version;
  };

  void publish(TableIndex index) {
    Table& table = tables_[index.value];
    table.version = Version{table.version.value + 1};
    pipeline::BuildJobPtr job = engine_->begin_build(
        {.table = index, .version = table.version, .epoch = table.epoch, .built_ms = 1});
    const pipeline::BuildOutcome outcome = pipeline::run_build(std::move(job));

    mapping::Publication publication;
    mapping::Manifest& manifest = publication.manifest;
    manifest.info = outcome.mapping.info;
    manifest.stats = outcome.mapping.stats;
    manifest.instance = "tester";
    manifest.ids = outcome.mapping.ids.size();
    manifest.content_hash = mapping::content_hash(outcome.mapping);
    manifest.built_samples = engine_->samples();
    table.schedule.done(pipeline::BuildKind::kFull, engine_->samples(), outcome.mapping.ids.size());
    manifest.next_samples = table.schedule.due_at();
    const auto add = [&](mapping::BlobKind kind, Bytes bytes) {
      const auto k = static_cast<std::size_t>(kind);
      manifest.blobs[k] = mapping::BlobInfo{.size = bytes.size(), .checksum = checksum(bytes)};
      publication.blobs[k] = std::move(bytes);
    };
    add(mapping::BlobKind::kSnapshot, mapping::encode_artifact(outcome.mapping));
    if (outcome.incumbent != nullptr) {
      add(mapping::BlobKind::kDelta,
          mapping::encode_delta(mapping::make_delta(*outcome.incumbent, outcome.mapping)));
    }
    if (!outcome.plan.empty()) add(mapping::BlobKind::kPlan, mapping::encode_plan(outcome.plan));

    const auto published = sink_->publish(publication);
    REMAPD_CHECK(published.has_value(), "a test can publish");
    engine_->adopt(outcome);
  }

  std::unique_ptr<pipeline::Engine> engine_;
  std::unique_ptr<files::DirectoryMappingSink> sink_;
  std::vector<Table> tables_;
};

}  // namespace remapd::test_support

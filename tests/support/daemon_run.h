// A daemon on a generated log, in this process: for tests that stop it, start it again and look at
// what it has published.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "connectors/files/directory_source.h"
#include "connectors/files/event_generator.h"
#include "connectors/files/log_writer.h"
#include "connectors/files/mapping_directory.h"
#include "core/mapping/artifact.h"
#include "core/mapping/artifact_encoder.h"
#include "core/mapping/delta.h"
#include "daemon/application/application.h"
#include "tests/support/log_lines.h"
#include "tests/support/temp_dir.h"

namespace remapd::application {

using namespace std::chrono_literals;

constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();

// Time passes, but every version is built at the same moment.
class OneWallTime final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override {
    return std::chrono::steady_clock::now();
  }
  std::chrono::system_clock::time_point wall_time() const override {
    return std::chrono::system_clock::time_point(1'700'000'000s);
  }
};

// Lets `limit` samples through (whole batches) and then has nothing more to give.
class PausingSource final : public pipeline::EventSource {
 public:
  PausingSource(std::unique_ptr<pipeline::EventSource> source,
                const std::atomic<std::uint64_t>& limit)
      : source_(std::move(source)), limit_(limit) {}

  Result<void> start(const pipeline::StreamOffsets& from) override { return source_->start(from); }
  Result<pipeline::PollOutcome> poll(pipeline::EventBatch& into,
                                     std::chrono::milliseconds timeout) override {
    if (given_ >= limit_) {
      std::this_thread::sleep_for(1ms);
      return pipeline::PollOutcome::kIdle;
    }
    auto polled = source_->poll(into, timeout);
    if (polled && *polled == pipeline::PollOutcome::kBatch) given_ += into.samples();
    return polled;
  }
  pipeline::StreamOffsets offsets() const override { return source_->offsets(); }
  Result<void> commit(const pipeline::StreamOffsets& offsets) override {
    return source_->commit(offsets);
  }
  pipeline::SourceCounters counters() const override { return source_->counters(); }

 private:
  std::unique_ptr<pipeline::EventSource> source_;
  const std::atomic<std::uint64_t>& limit_;
  std::uint64_t given_ = 0;
};

// Publishes through `before`, which may refuse, or take its time.
class ObstructedSink final : public mapping::MappingSink {
 public:
  using Before = std::function<Result<void>(const mapping::Publication&)>;
  ObstructedSink(std::unique_ptr<mapping::MappingSink> sink, Before before)
      : sink_(std::move(sink)), before_(std::move(before)) {}

  Result<mapping::Tenure> examine(std::string_view table) override { return sink_->examine(table); }
  Result<mapping::Tenure> take_over(std::string_view table, std::string_view instance) override {
    return sink_->take_over(table, instance);
  }
  Result<void> publish(const mapping::Publication& publication) override {
    if (auto ok = before_(publication); !ok) return ok;
    return sink_->publish(publication);
  }
  Result<mapping::BlobPtr> snapshot(std::string_view table, Version version) override {
    return sink_->snapshot(table, version);
  }
  Result<mapping::BlobPtr> delta(std::string_view table, Version version) override {
    return sink_->delta(table, version);
  }

 private:
  std::unique_ptr<mapping::MappingSink> sink_;
  Before before_;
};

// Under `dir`: events.tsv, with so many samples.
inline void generate_log(const std::filesystem::path& path, std::uint64_t samples) {
  files::GeneratorConfig config;
  config.users = 2'000;
  config.items = 1'000;
  config.communities = 20;
  config.categories = 10;
  config.drift_samples = 3'000;
  auto generator = files::EventGenerator::create(config);
  ASSERT_TRUE(generator) << generator.error().message;
  auto writer = files::LogFileWriter::create({.path = path}, generator->schema());
  ASSERT_TRUE(writer) << writer.error().message;
  pipeline::EventBatch batch;
  while (generator->samples() < samples) {
    generator->next(batch);
    ASSERT_TRUE((*writer)->write(batch));
  }
  ASSERT_TRUE((*writer)->close());
}

inline config::Config config_in(const std::filesystem::path& dir) {
  config::Config config;
  config.instance.stop_timeout = 20s;
  config.source.file.path = dir / "events.tsv";
  config.source.file.batch_samples = 200;
  config.sink.directory_path = dir / "mappings";
  config.sink.retain_versions = 1'000;
  config.dead_letter.file_path = dir / "dead-letters.ndjson";
  config.checkpoint.dir = dir / "checkpoints";
  config.publish.every_samples = 1'000;
  config.sink.snapshot_share = 10;
  config.publish.full_samples = 3'000;
  config.learning.tick_samples = 4'000;
  const auto add = [&](const std::string& name, std::uint32_t rows, std::uint64_t ids) {
    pipeline::TableConfig table;
    table.name = name;
    table.rows = rows;
    table.max_tracked_ids = ids;
    config.tables.push_back(table);
    config.features.push_back({.name = name, .table = name});
  };
  add("user", 200, 1'000);  // fewer than there are: some are evicted
  add("item", 150, 2'000);
  add("category", 8, 100);
  return config;
}

// One life of the daemon.
class DaemonRun {
 public:
  explicit DaemonRun(config::Config config, std::uint64_t limit = kAll,
                     ObstructedSink::Before before_publish = {})
      : limit_(limit) {
    const auto engine_config = config.engine_config();
    auto ports =
        open_ports(config, pipeline::FeatureSchema(engine_config->features), log_.log(), clock_);
    if (!ports) {
      ADD_FAILURE() << ports.error().message;
      return;
    }
    ports->source = std::make_unique<PausingSource>(std::move(ports->source), limit_);
    if (before_publish) {
      ports->sink =
          std::make_unique<ObstructedSink>(std::move(ports->sink), std::move(before_publish));
    }
    auto made = Application::create(config, std::move(*ports), log_.log(), clock_);
    if (!made) {
      ADD_FAILURE() << made.error().message;
      return;
    }
    application_ = std::move(*made);
    application_->start();
  }

  Application& operator*() { return *application_; }
  Application* operator->() { return application_.get(); }

  // From now on.
  void let_through(std::uint64_t samples) { limit_ = samples; }

  // Whether the condition came true while there was patience.
  bool wait_for(const std::function<bool(const Status&)>& condition) {
    for (int i = 0; i < 6'000; ++i) {
      if (condition(*application_->status())) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }
  bool wait_for_samples(std::uint64_t samples) {
    return wait_for([&](const Status& status) { return status.samples >= samples; });
  }
  bool wait_for_phase(Phase phase) {
    return wait_for([&](const Status& status) { return status.phase == phase; });
  }
  Result<void> stop() {
    application_->request_stop();
    return application_->join();
  }
  Result<void> run_to_its_end() { return application_->join(); }

  // Once it has ended.
  std::string log_text() const { return log_.text(); }

 private:
  test_support::LogLines log_;
  OneWallTime clock_;
  std::atomic<std::uint64_t> limit_;
  std::unique_ptr<Application> application_;
};

// Everything that has been published, by file, without what tells one life of the daemon from
// another: the epoch, and with it the checksums of the bytes it stands in.
inline std::map<std::string, std::string> published(const std::filesystem::path& mappings) {
  std::map<std::string, std::string> out;
  const auto with_epoch_1 = [](mapping::MappingInfo info) {
    info.epoch = Epoch{1};
    return info;
  };
  for (const auto& table : std::filesystem::directory_iterator(mappings)) {
    const auto versions = files::list_versions(table.path());
    for (const Version version : versions.value()) {
      const auto dir = table.path() / files::version_directory(version);
      for (const auto& file : std::filesystem::directory_iterator(dir)) {
        std::string content = test_support::read_file(file.path());
        const std::string name = file.path().filename();
        if (name == files::kManifestFile) {
          auto json = nlohmann::json::parse(content);
          for (const char* member : {"epoch", "snapshot", "delta", "plan", "checksum"})
            json.erase(member);
          content = json.dump();
        } else if (name == files::blob_file(mapping::BlobKind::kSnapshot)) {
          const auto view =
              mapping::ArtifactView::open(as_bytes(content), mapping::Verify::kAll).value();
          content = as_text(mapping::with_info(view, with_epoch_1(view.info())));
        } else if (name == files::blob_file(mapping::BlobKind::kDelta)) {
          auto delta = mapping::decode_delta(as_bytes(content)).value();
          delta.to = with_epoch_1(delta.to);
          content = as_text(mapping::encode_delta(delta));
        }
        out[std::filesystem::relative(file.path(), mappings)] = std::move(content);
      }
    }
  }
  return out;
}

// The versions of one table, ascending.
inline std::vector<mapping::Manifest> manifests(const std::filesystem::path& mappings,
                                                const std::string& table) {
  std::vector<mapping::Manifest> out;
  const auto versions = files::list_versions(mappings / table).value();
  for (const Version version : versions) {
    out.push_back(files::read_manifest(mappings / table, table, version).value());
  }
  return out;
}

inline void expect_same(const std::map<std::string, std::string>& a,
                        const std::map<std::string, std::string>& b) {
  std::vector<std::string> names_a;
  std::vector<std::string> names_b;
  for (const auto& [name, content] : a) names_a.push_back(name);
  for (const auto& [name, content] : b) names_b.push_back(name);
  std::vector<std::string> only_in_one;
  std::set_symmetric_difference(names_a.begin(), names_a.end(), names_b.begin(), names_b.end(),
                                std::back_inserter(only_in_one));
  ASSERT_TRUE(only_in_one.empty()) << testing::PrintToString(only_in_one);
  for (const auto& [name, content] : a) EXPECT_TRUE(content == b.at(name)) << name;
}

}  // namespace remapd::application

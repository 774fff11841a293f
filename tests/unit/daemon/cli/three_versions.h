// A mapping directory with three versions of one table, of which only the first has a snapshot.
#pragma once

#include <filesystem>
#include <memory>

#include <gtest/gtest.h>

#include "connectors/files/directory_sink.h"
#include "core/mapping/artifact_encoder.h"
#include "core/mapping/delta.h"
#include "daemon/application/publication.h"
#include "tests/support/temp_dir.h"

namespace remapd::cli {

inline std::uint64_t ids_of(std::uint64_t v) {
  return 1980 + 20 * v;
}

// Version v has ids 1 .. ids_of(v), each in row (id + v) % 50.
inline mapping::Mapping version_of(std::uint64_t v, Epoch epoch) {
  mapping::Mapping mapping;
  mapping.info = {.table = "t/1",
                  .version = Version{v},
                  .parent = Version{v - 1},
                  .epoch = epoch,
                  .rows = 50,
                  .dedicated_rows = 0,
                  .fallback = {.first_row = 0, .row_count = 50}};
  for (std::uint64_t id = 1; id <= ids_of(v); ++id) {
    mapping.ids.push_back(id);
    mapping.rows.push_back(Row{static_cast<std::uint32_t>((id + v) % 50)});
  }
  mapping.stats.ids = mapping.ids.size();
  return mapping;
}

class ThreeVersions : public testing::Test {
 protected:
  // Publishes versions 1 .. 3; only the first has a snapshot.
  ThreeVersions() {
    auto sink = files::DirectoryMappingSink::create({.directory = root_});
    EXPECT_TRUE(sink);
    const auto tenure = (*sink)->take_over("t/1", "tester");
    EXPECT_TRUE(tenure);
    std::shared_ptr<const mapping::Mapping> last;
    for (std::uint64_t v = 1; v <= 3; ++v) {
      pipeline::BuildOutcome outcome;
      outcome.mapping = version_of(v, tenure->epoch);
      outcome.incumbent = last;
      outcome.plan.table = "t/1";
      outcome.plan.from = Version{v - 1};
      outcome.plan.to = Version{v};
      outcome.plan.from_rows = 50;
      outcome.plan.to_rows = 50;
      outcome.plan.source_begin = {0};
      application::ClientsMapping unknown;
      auto publication =
          application::prepare_publication(outcome, mapping::encode_artifact(outcome.mapping),
                                           unknown, {.always = true}, {.instance = "tester"})
              .publication;
      if (v > 1) {
        // Also where the delta is no smaller.
        const Bytes delta = mapping::encode_delta(mapping::make_delta(*last, outcome.mapping));
        publication.manifest.blobs[0].reset();
        publication.blobs[0].clear();
        publication.manifest.blobs[1] = mapping::BlobInfo{delta.size(), checksum(delta)};
        publication.blobs[1] = delta;
      }
      const auto published = (*sink)->publish(publication);
      EXPECT_TRUE(published) << published.error().message;
      last = std::make_shared<mapping::Mapping>(outcome.mapping);
    }
  }
  test_support::TempDir dir_;
  std::filesystem::path root_ = dir_ / "m";
};

}  // namespace remapd::cli

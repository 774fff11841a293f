// Results that must not depend on the processor, pinned: this file is also compiled with
// REMAPD_PORTABLE, for which the same values must come out.
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/mapping/artifact.h"
#include "core/mapping/artifact_encoder.h"
#include "tests/unit/mapping/random_mapping.h"

namespace remapd::mapping {
namespace {

TEST(SameBits, OfLookups) {
  const struct {
    std::uint32_t rows;
    ArtifactKind kind;
    std::uint64_t expected;
  } cases[] = {{1'000, ArtifactKind::kFast, 12404147707145494536U},
               {1U << 24, ArtifactKind::kFast, 18069547061171896728U},
               {1'000, ArtifactKind::kCompact, 8896616640406953738U}};
  for (const auto& c : cases) {
    const Mapping mapping = random_mapping(30'000, c.rows, 3);
    const Bytes bytes = encode_artifact(mapping, c.kind);
    const auto view = ArtifactView::open(bytes, Verify::kAll);
    ASSERT_TRUE(view);
    std::vector<Id> ids = mapping.ids;
    Random random(4);
    for (int i = 0; i < 30'000; ++i) ids.push_back(random.next());
    std::vector<Row> rows(ids.size());
    view->lookup(ids, rows);
    std::uint64_t sum = checksum(bytes);
    for (const Row row : rows) sum = mix64(sum + row.value);
    EXPECT_EQ(sum, c.expected) << c.rows << " rows, " << to_string(c.kind);
  }
}

}  // namespace
}  // namespace remapd::mapping

// Mapping artifacts: opened, looked up and edited whatever their bytes hold.
#include <array>

#include "core/base/check.h"
#include "core/mapping/artifact.h"
#include "core/mapping/artifact_editor.h"
#include "core/mapping/artifact_encoder.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/reseal.h"

namespace {

using namespace remapd;

void use(ByteView bytes, mapping::Verify verify) {
  const auto view = mapping::ArtifactView::open(bytes, verify);
  if (!view) return;
  std::array<Id, 200> ids{};
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i < 100 ? i : mix64(i);
  std::array<Row, ids.size()> rows{};
  view->lookup(ids, rows);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    REMAPD_CHECK(rows[i].value < view->info().rows, "rows lie in the table");
    REMAPD_CHECK(rows[i] == view->lookup(ids[i]), "single and batched lookups agree");
  }
  view->lookup_second(ids, rows);
  for (const Row row : rows) {
    REMAPD_CHECK(row == kNoRow || row.value < view->info().rows, "second rows lie in the table");
  }
  if (verify != mapping::Verify::kAll) return;
  const Bytes copy = mapping::with_info(*view, view->info());
  REMAPD_CHECK(mapping::ArtifactView::open(copy, mapping::Verify::kAll), "a copy can be opened");
  if (view->kind() != mapping::ArtifactKind::kFast) return;
  mapping::ArtifactEditor editor(*view);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!view->contains(ids[i])) {
      if (!editor.add(ids[i], Row{0})) break;
    } else if (i % 2 == 0) {
      editor.move(ids[i], Row{0});
    } else {
      editor.remove(ids[i]);
    }
  }
  const Bytes edited = editor.artifact(view->info());
  const auto again = mapping::ArtifactView::open(edited, mapping::Verify::kAll);
  REMAPD_CHECK(again, "an edited artifact can be opened");
}

}  // namespace

REMAPD_FUZZ_TARGET(artifact) {
  use(input, mapping::Verify::kHeader);
  use(fuzz::resealed_artifact(input), mapping::Verify::kAll);
}

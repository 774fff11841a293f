// Checkpoints: the file around the payload, and the payload's header of offsets and versions before
// the engine state.
#include "connectors/checkpoint/file_checkpoint_store.h"
#include "core/base/check.h"
#include "core/pipeline/checkpoint.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/reseal.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace remapd;

// connectors/checkpoint/file_checkpoint_store.h: sequence at 16, payload's size at 24 and checksum
// at 32, header's checksum at 56, payload from 64.
Bytes resealed_file(ByteView bytes) {
  Bytes out = fuzz::copy_of(bytes);
  if (out.size() < 64) return out;
  fuzz::overwrite(out, 16, std::uint64_t{1});
  fuzz::overwrite(out, 24, std::uint64_t{out.size() - 64});
  fuzz::overwrite(out, 32, checksum(ByteView(out).subspan(64)));
  fuzz::overwrite(out, 56, checksum(ByteView(out).first(56)));
  return out;
}

void load_file(const std::filesystem::path& directory, checkpoint::FileCheckpointStore& store,
               ByteView bytes) {
  test_support::write_file(directory / "checkpoint-00000000000000000001.remapd", as_text(bytes));
  const auto loaded = store.load_latest();
  if (!loaded || !loaded->checkpoint) return;
  REMAPD_CHECK(loaded->checkpoint->size() <= bytes.size(), "no more than is in the file");
  ByteReader in(*loaded->checkpoint);
  (void)pipeline::read_checkpoint_header(in);
}

}  // namespace

REMAPD_FUZZ_TARGET(checkpoint) {
  ByteReader in(input);
  (void)pipeline::read_checkpoint_header(in);
  static const test_support::TempDir directory;
  static const auto store =
      checkpoint::FileCheckpointStore::create({.directory = directory.path()});
  REMAPD_CHECK(store, "a temporary directory can hold checkpoints");
  load_file(directory.path(), **store, input);
  load_file(directory.path(), **store, resealed_file(input));
}
